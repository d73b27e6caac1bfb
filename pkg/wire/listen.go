package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// MaxSettings is the most that Settings take, newline included (SPEC.md 8).
const MaxSettings = 64 << 10

// Mode is what happens to connections that are captured (SPEC.md 3.1).
type Mode string

// The modes of SPEC.md 3.1.
const (
	Steal  Mode = "steal"
	Mirror Mode = "mirror"
)

// Listen is the address of a listen stream.
type Listen struct {
	Mode Mode
	Port uint16
}

func (l Listen) String() string { return fmt.Sprintf("%s %d", l.Mode, l.Port) }

// ParseListen parses the address of a listen stream.
func ParseListen(s string) (Listen, error) {
	mode, p, _ := strings.Cut(s, " ")
	port, err := strconv.ParseUint(p, 10, 16)
	if err != nil || port == 0 || Mode(mode) != Steal && Mode(mode) != Mirror {
		return Listen{}, fmt.Errorf("parse %q: want steal PORT or mirror PORT", s)
	}
	return Listen{Mode(mode), uint16(port)}, nil
}

// Accepted is the address of an accepted stream.
type Accepted struct {
	Listen uint32 // number of the listen stream
	Caller netip.AddrPort
	Local  netip.AddrPort // what the caller called
}

func (a Accepted) String() string { return fmt.Sprintf("%d %v %v", a.Listen, a.Caller, a.Local) }

// ParseAccepted parses the address of an accepted stream.
func ParseAccepted(s string) (Accepted, error) {
	var a Accepted
	parts := strings.Split(s, " ")
	if len(parts) != 3 {
		return a, fmt.Errorf("parse %q: want a number and two addresses", s)
	}
	listen, err := strconv.ParseUint(parts[0], 10, 32)
	if err == nil {
		a.Listen = uint32(listen)
		a.Caller, err = netip.ParseAddrPort(parts[1])
	}
	if err == nil {
		a.Local, err = netip.ParseAddrPort(parts[2])
	}
	if err != nil {
		return Accepted{}, fmt.Errorf("parse %q: %w", s, err)
	}
	return a, nil
}

// Settings are what a client wants of a capture (SPEC.md 3.1).
type Settings struct {
	Who           string  `json:"who,omitempty"`
	Filter        *Filter `json:"filter,omitempty"`
	Fallback      bool    `json:"fallback,omitempty"`
	ResetExisting bool    `json:"resetExisting,omitempty"`
	Forwarded     bool    `json:"forwarded,omitempty"`
}

// Filter says which HTTP requests are meant. Exactly one field is set.
type Filter struct {
	All        []Filter      `json:"all,omitempty"`
	Any        []Filter      `json:"any,omitempty"`
	Not        *Filter       `json:"not,omitempty"`
	Header     *HeaderFilter `json:"header,omitempty"`
	HeaderLine string        `json:"headerLine,omitempty"`
	Path       string        `json:"path,omitempty"`
	Method     string        `json:"method,omitempty"`
}

// HeaderFilter is met by a field of that name, whatever its case, with a value
// that the regular expression finds something in.
type HeaderFilter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Append appends s and a newline to b.
func (s Settings) Append(b []byte) []byte { return appendLine(b, s) }

// ParseSettings parses a line, with or without its newline. A key that it does
// not know is an error.
func ParseSettings(line []byte) (Settings, error) {
	var s Settings
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	err := dec.Decode(&s)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("more than one object")
		}
	}
	if err == nil && s.Filter != nil {
		err = s.Filter.check()
	}
	if err != nil {
		return Settings{}, fmt.Errorf("parse settings: %w", err)
	}
	return s, nil
}

// check sees that one field is set, all the way down. Whether regular
// expressions are such is for who uses them.
func (f Filter) check() error {
	parts := append(append([]Filter{}, f.All...), f.Any...)
	set := 0
	for _, is := range []bool{f.All != nil, f.Any != nil, f.Not != nil, f.Header != nil, f.HeaderLine != "", f.Path != "", f.Method != ""} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("a filter has %d conditions instead of one", set)
	case f.All != nil && len(f.All) == 0, f.Any != nil && len(f.Any) == 0:
		return errors.New("a filter is an empty list")
	case f.Header != nil && f.Header.Name == "":
		return errors.New("a filter names no header field")
	case f.Not != nil:
		parts = append(parts, *f.Not)
	}
	for _, part := range parts {
		if err := part.check(); err != nil {
			return err
		}
	}
	return nil
}

// Note is what an agent says about a capture (SPEC.md 3.1). Numbers count from
// its beginning.
type Note struct {
	Warning     string `json:"warning,omitempty"`
	Connections uint64 `json:"connections,omitempty"`
	Requests    uint64 `json:"requests,omitempty"` // with a filter: those that match
	Lost        uint64 `json:"lost,omitempty"`     // connections whose copy broke off
	Dropped     uint64 `json:"dropped,omitempty"`  // packets that were not seen
}

// Append appends n and a newline to b.
func (n Note) Append(b []byte) []byte { return appendLine(b, n) }

// ParseNote parses a line, with or without its newline.
func ParseNote(line []byte) (Note, error) {
	var n Note
	if err := json.Unmarshal(line, &n); err != nil {
		return Note{}, fmt.Errorf("parse note: %w", err)
	}
	return n, nil
}

func appendLine(b []byte, v any) []byte {
	line, err := json.Marshal(v)
	if err != nil {
		panic("wire: " + err.Error()) // they are made of what JSON has
	}
	return append(append(b, line...), '\n')
}
