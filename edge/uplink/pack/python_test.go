package pack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"skerry/edge/uplink/pack"
	"skerry/edge/uplink/pack/packtest"
)

const decoderOfOthers = "../../../docs/unpack.py"

func needsPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err == nil {
		return
	}
	if os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal("python3 is not installed")
	}
	t.Skip("needs python3 (Debian: apt install python3)")
}

// TestPython has docs/unpack.py decode the vectors, and blocks that fill the tables, which are too large to keep.
func TestPython(t *testing.T) {
	needsPython(t)
	var file bytes.Buffer
	var want []pack.Message
	for _, v := range readVectors(t) {
		file.Write(unhex(t, v.Block))
		for _, m := range v.Messages {
			want = append(want, m.message(t))
		}
	}
	var many []pack.Message
	for i := range 1300 {
		text := fmt.Sprint(i, strings.Repeat("x", i%41), strings.Repeat(" 2", i%33))
		many = append(many, pack.Message{
			Topic: fmt.Sprint("topic/", i%1100), Payload: []byte(text), Properties: fmt.Appendf(nil, "p%d", i%300), QoS: byte(i % 3), Sequence: uint64(i),
		})
	}
	for _, messages := range [][]pack.Message{many, packtest.Any(300, 11), packtest.Hard(200, 3)} {
		for _, b := range blocks(t, head, 0, 0, messages) {
			file.Write(b)
		}
		want = append(want, messages...)
	}
	for _, fill := range []string{"1 %[1]d p%[1]d", "1 t%[1]d 2"} { // the primer has more properties, or skeletons, than the tables hold
		block, p, rest := fullPrimer(t, fill)
		file.Write(block)
		_, messages, err := pack.Decode(block, pack.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range primedBlocks(t, p, head, 0, rest) {
			file.Write(b)
		}
		want = append(append(want, messages...), rest...)
	}
	cmd := exec.CommandContext(t.Context(), "python3", decoderOfOthers)
	cmd.Stdin = &file
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	out, err := cmd.Output()
	if err != nil {
		t.Error(err)
	}
	compare(t, fromPython(t, out), want)
}

// fullPrimer is a primer that fills a table, and messages to go on with.
func fullPrimer(t *testing.T, text string) (block []byte, p *pack.Primer, rest []pack.Message) {
	var many []pack.Message
	for i := range 400 {
		many = append(many, pack.Message{
			Topic: fmt.Sprint("t/", i%7), Payload: fmt.Appendf(nil, text, i), Properties: fmt.Appendf(nil, "%d", i), Sequence: uint64(i),
		})
	}
	block, p = primed(t, many[:300])
	return block, p, many[280:]
}

func fromPython(t *testing.T, out []byte) (messages []pack.Message) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o struct {
			vectorMessage
			Text *string `json:"payload"`
		}
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		m := o.message(t)
		if o.Text != nil {
			m.Payload = []byte(*o.Text)
		}
		messages = append(messages, m)
	}
	return messages
}

// TestPythonRefuses has it decode what is no block.
func TestPythonRefuses(t *testing.T) {
	needsPython(t)
	good := blocks(t, head, 0, 0, packtest.Regular(50, 1))[0]
	block, p := primed(t, packtest.Regular(20, 1))
	alone := primedBlock(t, p, packtest.Regular(50, 1)[30])
	for name, b := range map[string][]byte{
		"text": []byte("hello world"), "version": append([]byte{0xe2}, good[1:]...), "cut off": good[:40], "no primer": alone,
		"a list as primer": append([]byte{0xe1, 0x90}, block[2:]...), "a primed primer": append([]byte{0xe1, 0xb1}, block[2:]...),
	} {
		cmd := exec.CommandContext(t.Context(), "python3", decoderOfOthers)
		cmd.Stdin = bytes.NewReader(b)
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("block 1: ")) || bytes.Contains(out, []byte("Traceback")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
