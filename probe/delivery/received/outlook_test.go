package received_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// msgFile makes a small file of Outlook's format (MS-CFB version 3): streams of
// the root, by the numbers of their properties, in sectors of 512 bytes.
func msgFile(streams map[string]string) []byte {
	const sector, free, end, fat = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
	type stream struct {
		name  string
		data  []byte
		start uint32
	}
	var all []stream
	next := uint32(2) // sector 0 holds the table, 1 the directory
	for _, name := range []string{"__substg1.0_007D001F", "__substg1.0_1000001F", "__substg1.0_0037001F"} {
		text, given := streams[name]
		if !given {
			continue
		}
		var data bytes.Buffer
		_ = binary.Write(&data, binary.LittleEndian, utf16.Encode([]rune(text)))
		for data.Len() < 4096 { // smaller ones would stand in the short sectors
			data.Write([]byte{0, 0})
		}
		all = append(all, stream{name, data.Bytes(), next})
		next += uint32((data.Len() + sector - 1) / sector)
	}
	table := make([]uint32, sector/4)
	for i := range table {
		table[i] = free
	}
	table[0], table[1] = fat, end
	var body bytes.Buffer
	for _, s := range all {
		n := uint32((len(s.data) + sector - 1) / sector)
		for i := range n {
			table[s.start+i] = s.start + i + 1
		}
		table[s.start+n-1] = end
		body.Write(s.data)
		body.Write(make([]byte, int(n)*sector-len(s.data)))
	}
	var directory bytes.Buffer
	entry := func(name string, kind byte, child, right, start uint32, size int) {
		wide := utf16.Encode([]rune(name + "\x00"))
		raw := make([]uint16, 32)
		copy(raw, wide)
		for _, v := range []any{raw, uint16(2 * len(wide)), kind, byte(1), uint32(free), right, child, make([]byte, 36), start, uint32(size), uint32(0)} {
			_ = binary.Write(&directory, binary.LittleEndian, v)
		}
	}
	entry("Root Entry", 5, 1, free, end, 0)
	for i, s := range all {
		right := uint32(free)
		if i+1 < len(all) {
			right = uint32(i + 2)
		}
		entry(s.name, 2, free, right, s.start, len(s.data))
	}
	for directory.Len() < sector {
		directory.Write(make([]byte, 128))
	}
	var file bytes.Buffer
	file.WriteString("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	difat := make([]uint32, 109)
	for i := range difat {
		difat[i] = free
	}
	difat[0] = 0
	for _, v := range []any{make([]byte, 16), uint16(0x3E), uint16(3), uint16(0xFFFE), uint16(9), uint16(6), make([]byte, 6), uint32(0), uint32(1), uint32(1),
		uint32(0), uint32(4096), uint32(end), uint32(0), uint32(end), uint32(0), difat, table} {
		_ = binary.Write(&file, binary.LittleEndian, v)
	}
	file.Write(directory.Bytes())
	file.Write(body.Bytes())
	return file.Bytes()
}

func TestOutlooksFormatIsRead(t *testing.T) {
	raw := msgFile(map[string]string{"__substg1.0_007D001F": strings.ReplaceAll(way[:strings.Index(way, "\n\n")], "\n", "\r\n") + "\r\n", "__substg1.0_1000001F": "Grüße\r\nAnn"})
	m, err := received.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if hops := m.Header.Hops(); len(hops) != 2 || m.Header.Text("Subject") != "Bewerbung für Pflege" || !strings.HasPrefix(m.Body(), "Grüße\nAnn") || !m.Outlook {
		t.Errorf("%+v %q %q", hops, m.Header.Text("Subject"), m.Body()[:min(len(m.Body()), 40)])
	}
}

func TestAMessageThatOutlookKeptWithoutHeaderIsRefused(t *testing.T) {
	raw := msgFile(map[string]string{"__substg1.0_1000001F": "from inside"})
	if _, err := received.Read(bytes.NewReader(raw)); !errors.Is(err, received.ErrOutlookNoHeader) {
		t.Errorf("%v", err)
	}
}

func FuzzOutlooksFormat(f *testing.F) {
	f.Add(msgFile(map[string]string{"__substg1.0_007D001F": "From: a@b.example\r\n\r\n"}))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = received.Read(bytes.NewReader(append([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), raw[min(8, len(raw)):]...)))
	})
}
