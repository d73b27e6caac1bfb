package http2split

import "encoding/binary"

// Settings that matter here (RFC 9113 6.5.2).
const (
	settingTable      = 0x1
	settingPush       = 0x2
	settingStreams    = 0x3
	settingWindow     = 0x4
	settingFrame      = 0x5
	settingFields     = 0x6
	settingConnect    = 0x8 // RFC 8441: only servers say it
	settingPriorities = 0x9 // RFC 9218
)

type setting struct {
	id    uint16
	value uint32
}

// settings are those of the frame, which is changed where a table would become
// larger than ours.
func (f *frame) settings() ([]setting, error) {
	all := make([]setting, 0, len(f.payload)/6)
	for b := f.payload; len(b) > 0; b = b[6:] {
		s := setting{binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])}
		switch {
		case s.id == settingWindow && s.value > maxID:
			return nil, &connError{codeFlowControl, "initial window too large"}
		case s.id == settingFrame && (s.value < defaultFrame || s.value >= 1<<24),
			s.id == settingPush && s.value > 1:
			return nil, &connError{codeProtocol, "setting out of range"}
		case s.id == settingTable && s.value > maxTable:
			s.value = maxTable
			binary.BigEndian.PutUint32(b[2:], s.value)
		}
		all = append(all, s)
	}
	return all, nil
}

func appendSettings(b []byte, all ...setting) []byte {
	b = appendHeader(b, 6*len(all), typeSettings, 0, 0)
	for _, s := range all {
		b = binary.BigEndian.AppendUint16(b, s.id)
		b = binary.BigEndian.AppendUint32(b, s.value)
	}
	return b
}
