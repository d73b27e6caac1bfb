package cli

import (
	"io"

	"github.com/rs/zerolog"
)

// logWriter writes log entries as lines for people: `fwd-dial: warning: …`.
func logWriter(name string, stderr io.Writer) io.Writer {
	return zerolog.ConsoleWriter{
		Out:        stderr,
		NoColor:    true,
		PartsOrder: []string{zerolog.LevelFieldName, zerolog.MessageFieldName},
		FormatLevel: func(level any) string {
			switch level {
			case "warn":
				return name + ": warning:"
			case "error":
				return name + ": error:"
			}
			return name + ":"
		},
	}
}
