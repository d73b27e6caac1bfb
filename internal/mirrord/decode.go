package mirrord

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"
)

// decode reads text into what JSON has: map[string]any, []any and plain values.
func decode(name, text string) (any, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".toml":
		var root map[string]any
		err := toml.Unmarshal([]byte(text), &root)
		return root, err
	case ".yaml", ".yml":
		return decodeYAML(text)
	}
	return decodeJSON(text)
}

func decodeYAML(text string) (any, error) {
	var root, more any
	dec := yaml.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return root, nil
}

// decodeJSON is json.Unmarshal that refuses a key which is there twice.
func decodeJSON(text string) (any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	root, err := value(dec, "")
	if err == nil {
		if _, err := dec.Token(); err != io.EOF {
			return nil, errors.New("more follows the end of its object")
		}
		return root, nil
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it ends too early for JSON")
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("line %d: %w", 1+strings.Count(text[:min(int(syntax.Offset), len(text))], "\n"), err)
	}
	return nil, err
}

func value(dec *json.Decoder, path string) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := make(map[string]any)
		for dec.More() {
			token, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key := token.(string) // the decoder sees to it
			if _, twice := object[key]; twice {
				return nil, fmt.Errorf("%s is there twice", join(path, key))
			}
			if object[key], err = value(dec, join(path, key)); err != nil {
				return nil, err
			}
		}
		_, err := dec.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			item, err := value(dec, fmt.Sprintf("%s[%d]", path, len(list)))
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := dec.Token()
		return list, err
	}
	return token, nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
