package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// specPath returns the file that holds the process which these arguments ask
// runc to start: the bundle's config.json for create and run, the file behind
// --process for exec, and nothing for every other command.
func specPath(args []string) string {
	for i, arg := range args {
		switch arg {
		case "create", "run":
			return filepath.Join(value(args[i+1:], "bundle", "."), "config.json")
		case "exec":
			return value(args[i+1:], "process", "")
		}
	}
	return ""
}

// value returns what follows --name or its one-letter form, in either spelling
// that runc takes.
func value(args []string, name, otherwise string) string {
	for i, arg := range args {
		key, val, joined := strings.Cut(arg, "=")
		if key != "--"+name && key != "-"+name[:1] {
			continue
		}
		if joined {
			return val
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return otherwise
}

// dropMissing rewrites the OCI spec or process at path so that it asks only
// for capabilities in have. Whatever else is in the file stays as it is.
func dropMissing(path string, have map[string]bool) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what to start: %w", err)
	}
	raw, changed, err := withoutMissing(raw, have)
	if err != nil {
		return fmt.Errorf("parse %s: %w", path, err)
	}
	if !changed {
		return nil
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return fmt.Errorf("write what to start: %w", err)
	}
	return nil
}

func withoutMissing(raw []byte, have map[string]bool) (out []byte, changed bool, err error) {
	var spec map[string]json.RawMessage
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, false, err
	}
	if process, ok := spec["process"]; ok {
		inner, changed, err := withoutMissing(process, have)
		if err != nil || !changed {
			return raw, false, err
		}
		spec["process"] = inner
		out, err = json.Marshal(spec)
		return out, true, err
	}

	var sets map[string][]string
	if caps, ok := spec["capabilities"]; ok {
		if err := json.Unmarshal(caps, &sets); err != nil {
			return nil, false, err
		}
	}
	for name, set := range sets {
		kept := slices.DeleteFunc(slices.Clone(set), func(c string) bool { return !have[c] })
		changed = changed || len(kept) != len(set)
		sets[name] = kept
	}
	if !changed {
		return raw, false, nil
	}
	if spec["capabilities"], err = json.Marshal(sets); err != nil {
		return nil, false, err
	}
	out, err = json.Marshal(spec)
	return out, true, err
}
