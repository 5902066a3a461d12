package checkpoint_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"skerry/queue/checkpoint"
	"skerry/queue/vfs"
)

func create(t testing.TB, name string, f func(*checkpoint.Tx) error) {
	t.Helper()
	if _, err := checkpoint.Create(vfs.OS{}, name, f); err != nil {
		t.Fatalf("create: %v", err)
	}
}

func update(t testing.TB, name string, f func(*checkpoint.Tx) error) {
	t.Helper()
	if _, err := checkpoint.Update(vfs.OS{}, name, f); err != nil {
		t.Fatalf("update: %v", err)
	}
}

// round writes pairs of round n, so that most keys change with each and pages are used again.
func round(n int) func(*checkpoint.Tx) error {
	return func(tx *checkpoint.Tx) error {
		for i := range 600 {
			value := fmt.Appendf(nil, "%0*d", 10+(i*7+n)%50, n)
			if err := tx.Put(checkpoint.Facts, fmt.Appendf(nil, "key %d", i), value); err != nil {
				return err
			}
		}
		if err := tx.Delete(checkpoint.Facts, fmt.Appendf(nil, "key %d", n)); err != nil {
			return err
		}
		return tx.SetHead(checkpoint.Head{UUID: [16]byte{1}, Covered: uint64(n), State: []byte("state")})
	}
}

func read(name string) (checkpoint.Head, map[string]string, error) {
	pairs := map[string]string{}
	h, err := checkpoint.Read(vfs.OS{}, name, func(b checkpoint.Bucket, key, value []byte) bool {
		pairs[fmt.Sprint(b, string(key))] = string(value)
		return true
	})
	return h, pairs, err
}

func TestPairsComeBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.db")
	if _, _, err := read(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	create(t, name, round(1))
	update(t, name, func(tx *checkpoint.Tx) error {
		for _, b := range []checkpoint.Bucket{checkpoint.Sessions, checkpoint.Marks, checkpoint.Extents, checkpoint.Retained} {
			for _, key := range []string{"a1", "a2", "b1"} {
				if err := tx.Put(b, []byte(key), nil); err != nil {
					return err
				}
			}
		}
		h, err := tx.Head()
		h.Covered = 9
		return errors.Join(err, tx.Delete(checkpoint.Marks, []byte("a1")), tx.SetHead(h))
	})
	h, pairs, err := read(name)
	if err != nil || h.Covered != 9 || h.UUID != [16]byte{1} || string(h.State) != "state" || len(pairs) != 599+11 {
		t.Fatalf("%+v, %d pairs, %v", h, len(pairs), err)
	}
	update(t, name, func(tx *checkpoint.Tx) error {
		var keys []string
		err := tx.Each(checkpoint.Extents, []byte("a"), func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
		if err != nil || len(keys) != 2 {
			t.Errorf("keys that begin with a: %q, %v", keys, err)
		}
		return err
	})
	if _, err := checkpoint.Update(vfs.OS{}, name, func(*checkpoint.Tx) error { return fs.ErrInvalid }); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("an update that gives up: %v", err)
	}
	if _, again, err := read(name); err != nil || !maps.Equal(pairs, again) {
		t.Errorf("after it: %d pairs, %v", len(again), err)
	}
}

// TestDamageIsNoticed writes rubbish into one sector after the other, and puts pages of earlier transactions back, as
// a disk does that forgets what it has confirmed. Every outcome but the old content and the right one is an error.
func TestDamageIsNoticed(t *testing.T) {
	dir := t.TempDir()
	name, hurt := filepath.Join(dir, "c.db"), filepath.Join(dir, "hurt.db")
	create(t, name, round(1))
	var ages [][]byte
	valid := map[uint64]map[string]string{}
	for n := 2; n <= 6; n++ {
		h, pairs, err := read(name)
		if err != nil {
			t.Fatal(err)
		}
		valid[h.Covered] = pairs
		b, _ := os.ReadFile(name)
		ages = append(ages, b)
		update(t, name, round(n))
	}
	h, pairs, _ := read(name)
	valid[h.Covered] = pairs
	whole, _ := os.ReadFile(name)
	checked := 0
	check := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(hurt, b, 0o600); err != nil {
			t.Fatal(err)
		}
		h, pairs, err := read(hurt)
		switch {
		case err == nil && !maps.Equal(pairs, valid[h.Covered]):
			t.Fatalf("%s: other pairs, and no error", what)
		case err != nil && !errors.Is(err, checkpoint.ErrUnreadable):
			t.Fatalf("%s: %v", what, err)
		}
		if checked++; checked%8 == 0 || err == nil && checked%3 == 0 {
			_, _ = checkpoint.Update(vfs.OS{}, hurt, round(7)) // whatever becomes of it
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	sparse := 1
	if testing.Short() {
		sparse = 5
	}
	for at := 0; at < len(whole); at += 512 * sparse {
		b := append([]byte(nil), whole...)
		for i := range 512 {
			b[at+i] = byte(r.Uint32())
		}
		check(fmt.Sprintf("rubbish at %d", at), b)
	}
	for i, old := range ages {
		for at := 4096 * (i % sparse); at < len(old); at += 4096 * sparse {
			b := append([]byte(nil), whole...)
			copy(b[at:at+4096], old[at:])
			check(fmt.Sprintf("page at %d of age %d", at, i), b)
		}
	}
	for _, n := range []int{0, 100, 4096, 8192, len(whole) / 2} {
		check(fmt.Sprintf("cut at %d", n), whole[:n])
	}
}

// TestEndlessTree has a branch that points to itself.
func TestEndlessTree(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.db")
	create(t, name, round(1))
	b, _ := os.ReadFile(name)
	loops := 0
	for at := 2 * 4096; at < len(b); at += 4096 {
		if b[at+8] == 1 { // a branch: its elements begin with position, key length, page
			copy(b[at+16+8:at+16+16], b[at:at+8])
			loops++
		}
	}
	if loops == 0 {
		t.Fatal("no branch in the file")
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(name); !errors.Is(err, checkpoint.ErrUnreadable) {
		t.Errorf("read: %v", err)
	}
}

func TestNewerFormatIsLeftAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.db")
	create(t, name, round(1))
	format := []byte("SKERRYC\x00\x02\x00\x00\x00\x00\x00\x00\x00")
	setFormat(t, name, binary.LittleEndian.AppendUint32(format, crc32.Checksum(format, crc32.MakeTable(crc32.Castagnoli))))
	before, _ := os.ReadFile(name)
	if _, err := checkpoint.ReadHead(vfs.OS{}, name); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("read: %v", err)
	}
	if _, err := checkpoint.Update(vfs.OS{}, name, round(2)); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("update: %v", err)
	}
	if after, _ := os.ReadFile(name); string(after) != string(before) {
		t.Error("the file was touched")
	}
}

func setFormat(t *testing.T, name string, value []byte) {
	t.Helper()
	db, err := bbolt.Open(name, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), value) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// FuzzRead gives anything as a file: no panic, no endless walk.
func FuzzRead(f *testing.F) {
	name := filepath.Join(f.TempDir(), "c.db")
	create(f, name, func(tx *checkpoint.Tx) error {
		return errors.Join(tx.Put(checkpoint.Facts, []byte("k"), []byte("v")), tx.SetHead(checkpoint.Head{Covered: 3}))
	})
	whole, _ := os.ReadFile(name)
	f.Add(0, []byte{}, 0)
	f.Add(4096, []byte{1, 2, 3}, len(whole))
	f.Add(3*4096+8, []byte{1, 0, 9, 0}, len(whole))
	f.Fuzz(func(t *testing.T, at int, change []byte, cut int) {
		b := append([]byte(nil), whole[:max(0, min(cut, len(whole)))]...)
		if at >= 0 && at < len(b) {
			copy(b[at:], change)
		}
		hurt := filepath.Join(t.TempDir(), "c.db")
		if err := os.WriteFile(hurt, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, _ = read(hurt)
		_, _ = checkpoint.Update(vfs.OS{}, hurt, round(1))
	})
}
