package pack_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

const vectorFile = "testdata/vectors.json"

var update = flag.Bool("update", false, "write testdata/vectors.json anew: the format changes, and so must its version")

// A vector is a block and what it decodes to. Its file is for decoders in other languages too; docs/pack.md describes it.
type vector struct {
	Name     string          `json:"name"`
	Block    string          `json:"block_hex"`
	Epoch    string          `json:"epoch"` // 16 hex digits
	Stream   string          `json:"stream"`
	Floor    uint64          `json:"floor,omitempty"`
	Primer   string          `json:"primer,omitempty"` // 8 hex digits: a block before it ends with them
	Messages []vectorMessage `json:"messages"`
}

type vectorMessage struct {
	Topic      string `json:"topic"`
	Payload    string `json:"payload_hex"`
	Properties string `json:"properties_hex,omitempty"`
	Sequence   uint64 `json:"sequence"`
	Time       int64  `json:"time"`
	QoS        byte   `json:"qos"`
	Retain     bool   `json:"retain,omitempty"`
}

func vectorMessages(messages []pack.Message) (out []vectorMessage) {
	for _, m := range messages {
		out = append(out, vectorMessage{m.Topic, hex.EncodeToString(m.Payload), hex.EncodeToString(m.Properties), m.Sequence, m.Time, m.QoS, m.Retain})
	}
	return out
}

func (m vectorMessage) message(t *testing.T) pack.Message {
	return pack.Message{
		Topic: m.Topic, Payload: unhex(t, m.Payload), Properties: unhex(t, m.Properties), Sequence: m.Sequence, Time: m.Time, QoS: m.QoS, Retain: m.Retain,
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scene is what a vector is made of.
type scene struct {
	name     string
	head     pack.Head
	messages []pack.Message
}

// scenes are in the order of the file. A new one goes to the end.
func scenes() []scene {
	plain := pack.Head{Epoch: 1, Stream: "s"}
	noise := []pack.Message{{Topic: "a/b", Payload: []byte{0, 1, 2, 250, 128, 7}, Sequence: 7}}
	for i := range 5 {
		noise = append(noise, pack.Message{
			Topic: "a/" + string("bc"[i%2]), Payload: []byte{byte(i * 77), 0, byte(i * 91), 0xff, byte(255 - 3*i), 9, byte(i)},
			Sequence: uint64(9 + i*i), QoS: byte(i % 3), Retain: i == 3, Properties: []byte{1, byte(i / 2)}, Time: int64(i) * 1764380400000,
		})
	}
	r := rand.New(rand.NewPCG(1, 5))
	var random []pack.Message // too random to gain by shapes: a list
	for i := range 6 {
		payload := make([]byte, 100)
		for j := range payload {
			payload[j] = byte(r.Uint32())
		}
		random = append(random, pack.Message{
			Topic: "r" + string("sst"[i/2]), Payload: payload, Sequence: uint64(i * i), QoS: byte(i % 3), Retain: i == 3, Properties: []byte{1, byte(i / 2)},
			Time: int64(i) * 1764380400000,
		})
	}
	forms := []string{
		"1", "-1", "1.5", "1.50", "0.05", "100", "007", "42", "ON", "", "1e-7", "2026-11-22T04:16:00Z", "2026-11-22T04:16:01.5Z", "1764380400", "1764380400.25",
		"1764380400123", "4611686018427387903", "-4611686018427387903", "9223372036854775807", "-0", "\x00", "\xff", "1,2,3", "4,5.5,-6",
	}
	var written []pack.Message
	for i, f := range append(forms, forms...) {
		written = append(written, pack.Message{Topic: "form", Payload: []byte(f), Sequence: uint64(i), Time: 1764380400000 + int64(i)*1001})
	}
	primer, keep := packtest.Any(90, 4), pack.Head{Epoch: 4, Stream: "s", Keep: true}
	primed := pack.Head{Epoch: 4, Stream: "s", Floor: primer[0].Sequence - 1, Sum: true}
	readings := packtest.Regular(400, 1)
	kept := head
	kept.Keep = true
	return []scene{
		{"one", plain, []pack.Message{{Topic: "lake/air/temperature", Payload: []byte(`{"value":21.5}`), Sequence: 1, QoS: 1}}},
		{"one with a sum", pack.Head{Epoch: 0xfedcba9876543210, Stream: "größe", Sum: true}, []pack.Message{{Topic: "a", Sequence: 1<<64 - 1, QoS: 2, Retain: true, Time: 1}}},
		{"noise", plain, noise},
		{"random", pack.Head{Epoch: 2, Stream: "s", Sum: true}, random},
		{"forms", plain, written},
		{"regular", head, packtest.Regular(60, 1)},
		{"hard", head, packtest.Hard(60, 1)},
		{"own", head, packtest.Own(60, 1)},
		{"any 1", head, packtest.Any(60, 1)},
		{"any 2", pack.Head{Epoch: 1 << 63, Stream: "x", Sum: true}, packtest.Any(60, 2)},
		{"floor", pack.Head{Epoch: 3, Stream: "s", Floor: 999_700}, packtest.Regular(3, 1)},
		{"primer", kept, readings[:20]},
		{"primed, one", head, readings[307:308]},
		{"primed, row", head, readings[20:80]},
		{"primer of everything", keep, primer[:50]},
		{"primed, everything", primed, primer[50:]},
	}
}

// primerOf is the scene before a scene that it goes on from.
var primerOf = map[string]string{"primed, one": "primer", "primed, row": "primer", "primed, everything": "primer of everything"}

// TestVectors holds the format still: what was packed once decodes for ever, and is packed into the same bytes.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	vectors := readVectors(t)
	scenes := scenes()
	if len(vectors) != len(scenes) {
		t.Fatalf("%d vectors, %d scenes", len(vectors), len(scenes))
	}
	lists := 0
	primers := map[uint32]*pack.Primer{}
	for i, v := range vectors {
		block := unhex(t, v.Block)
		lists += int(block[1]&1 ^ 1)
		h, got, err := pack.DecodeWith(block, pack.Limits{}, func(id uint32) *pack.Primer { return primers[id] })
		if err == nil && h.Keep {
			p, err := pack.NewPrimer(block)
			if err != nil {
				t.Fatal(err)
			}
			primers[p.ID()] = p
		}
		if id := primerDigits(h.Primer); v.Primer != id {
			t.Errorf("%s: primer %s, want %s", v.Name, id, v.Primer)
		}
		if err != nil || fmt.Sprintf("%016x", h.Epoch) != v.Epoch || h.Stream != v.Stream || h.Floor != v.Floor {
			t.Errorf("%s: head %+v, %v", v.Name, h, err)
			continue
		}
		var want []pack.Message
		for _, m := range v.Messages {
			want = append(want, m.message(t))
		}
		compare(t, got, want)
		compare(t, scenes[i].messages, want)
		if again := primedBlocks(t, primers[h.Primer], scenes[i].head, 0, want)[0]; !bytes.Equal(again, block) {
			t.Errorf("%s: packs into other bytes than it did: a decoder in the field reads the old ones, so give the format another version or codec", v.Name)
		}
	}
	if lists == 0 || lists == len(vectors) {
		t.Errorf("%d of %d vectors are lists", lists, len(vectors))
	}
}

// primerDigits is the id of a primer as the file has it; "": none.
func primerDigits(id uint32) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%08x", id)
}

func readVectors(t *testing.T) (vectors []vector) {
	t.Helper()
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func writeVectors(t *testing.T) {
	var lines []string
	primers := map[string]*pack.Primer{}
	for _, s := range scenes() {
		block := primedBlocks(t, primers[primerOf[s.name]], s.head, 0, s.messages)[0]
		if s.head.Keep {
			p, err := pack.NewPrimer(block)
			if err != nil {
				t.Fatal(err)
			}
			primers[s.name] = p
		}
		id, _ := pack.Needs(block)
		v := vector{s.name, hex.EncodeToString(block), fmt.Sprintf("%016x", s.head.Epoch), s.head.Stream, s.head.Floor, primerDigits(id), nil}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var each []string
		for _, m := range vectorMessages(s.messages) {
			line, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			each = append(each, string(line))
		}
		lines = append(lines, strings.Replace(string(text), `"messages":null`, fmt.Sprintf("\"messages\":[\n%s\n]", strings.Join(each, ",\n")), 1))
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestExamples keeps the files in docs that docs/pack.md looks into.
func TestExamples(t *testing.T) {
	readings := packtest.Regular(400, 1)
	primer, p := primed(t, readings[:20])
	for file, blocks := range map[string][][]byte{
		"readings.pack": {
			blocks(t, pack.Head{Epoch: head.Epoch, Stream: "readings", Sum: true}, 0, 0, packtest.Regular(40, 1))[0],
			blocks(t, pack.Head{Epoch: head.Epoch, Stream: "lake"}, 0, 0, packtest.Own(8, 1))[0],
		},
		"primed.pack": {primer, primedBlock(t, p, readings[371]), primedBlock(t, p, readings[382:385]...)},
	} {
		file, want := "../../../docs/"+file, bytes.Join(blocks, nil)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the coder writes: %v", file, err)
		}
	}
}
