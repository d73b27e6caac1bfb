package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// options are what the command line says.
type options struct {
	quick, verbose       bool
	rounds               int
	only                 *regexp.Regexp
	paths                []path
	kubeconfig, bin, out string
}

// parse reads the flags.
func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.BoolVar(&o.quick, "quick", false, "two rounds of the main items, with less data")
	flags.StringVar(&o.out, "out", "", "write bench.md and bench.svg into `directory`, too")
	flags.BoolVar(&o.verbose, "v", false, "say why what fails does")
	flags.IntVar(&o.rounds, "rounds", 0, "how often; 0: 5, or 2 in a quick run")
	only := flags.String("only", "", "only items whose names match `regexp`, quick or not")
	names := flags.String("paths", "", "only these, by `name`, with commas; there are "+strings.Join(pathNames(), ", "))
	flags.StringVar(&o.kubeconfig, "kubeconfig", filepath.Join(".kind", "kubeconfig"), "of the kind cluster")
	flags.StringVar(&o.bin, "bin", "bin", "directory of the commands")
	_ = flags.Parse(args) // exits on error
	if flags.NArg() > 0 {
		return o, fmt.Errorf("no argument is expected, and one is %q", flags.Arg(0))
	}
	if o.rounds == 0 {
		o.rounds = 5
		if o.quick {
			o.rounds = 2
		}
	}
	if *only != "" {
		var err error
		if o.only, err = regexp.Compile(*only); err != nil {
			return o, err
		}
	}
	for _, dir := range []*string{&o.kubeconfig, &o.bin} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return o, err
		}
		*dir = abs
	}
	var err error
	o.paths, err = choose(*names)
	return o, err
}

func pathNames() []string {
	var names []string
	for _, p := range paths {
		names = append(names, p.name)
	}
	return names
}

// choose returns the paths of the given names, or all that are not extra.
func choose(names string) ([]path, error) {
	if names == "" {
		return slices.DeleteFunc(slices.Clone(paths), func(p path) bool { return p.extra }), nil
	}
	asked := strings.Split(names, ",")
	for _, name := range asked {
		if !slices.Contains(pathNames(), name) {
			return nil, fmt.Errorf("no path %q", name)
		}
	}
	return slices.DeleteFunc(slices.Clone(paths), func(p path) bool { return !slices.Contains(asked, p.name) }), nil
}
