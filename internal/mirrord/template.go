package mirrord

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// A file is a template of Tera before it is anything else.
var (
	tag    = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}`)
	getEnv = regexp.MustCompile(`^\{\{-?\s*get_env\((.*)\)\s*-?\}\}$`)
	envArg = regexp.MustCompile(`^\s*(name|default)\s*=\s*("[^"]*"|'[^']*'|` + "`[^`]*`" + `|[\w.]+)\s*(,|$)`)
)

// render fills a template: {{ get_env(name="X", default="y") }}. It does not
// know what else there may be in one.
func render(text string) (string, error) {
	var failed error
	text = tag.ReplaceAllStringFunc(text, func(tag string) string {
		value, err := fill(tag)
		if err != nil && failed == nil {
			failed = fmt.Errorf("template %s: %w", tag, err)
		}
		return value
	})
	return text, failed
}

func fill(tag string) (string, error) {
	call := getEnv.FindStringSubmatch(tag)
	if call == nil {
		return "", fmt.Errorf("only get_env is known")
	}
	args := make(map[string]string)
	for rest := call[1]; strings.TrimSpace(rest) != ""; {
		m := envArg.FindStringSubmatch(rest)
		if m == nil {
			return "", fmt.Errorf(`want get_env(name="NAME", default="VALUE")`)
		}
		args[m[1]] = strings.Trim(m[2], "\"'`")
		rest = rest[len(m[0]):]
	}
	name, ok := args["name"]
	if !ok {
		return "", fmt.Errorf("get_env without a name")
	}
	if value, ok := os.LookupEnv(name); ok {
		return value, nil
	}
	value, ok := args["default"]
	if !ok {
		return "", fmt.Errorf("%s is not set", name)
	}
	return value, nil
}
