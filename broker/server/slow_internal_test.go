package server

import "testing"

// TestDrain gives a row of looks and tells when the Client is slow.
func TestDrain(t *testing.T) {
	type look struct{ waiting, sent, lost uint64 }
	for _, c := range []struct {
		name  string
		looks []look
		want  string // one letter for each: s is slow
	}{
		{"idle", []look{{}, {}, {}, {}, {}}, "....."},
		{"busy, and keeps up", []look{{1, 10, 0}, {1, 20, 0}, {2, 30, 0}, {3, 40, 0}, {4, 50, 0}}, "....."},
		{"takes nothing", []look{{5, 10, 0}, {5, 10, 0}, {5, 10, 0}, {5, 10, 0}, {5, 10, 0}, {0, 15, 0}}, "...ss."},
		{"drops of an older connection", []look{{5, 0, 900}, {4, 1, 900}, {3, 2, 900}, {2, 3, 900}, {1, 4, 900}}, "....."},
		{"drops while it takes", []look{{9, 0, 0}, {9, 1, 1}, {9, 2, 2}, {9, 3, 3}}, "...s"},
		{"one burst too many", []look{{9, 0, 0}, {9, 1, 7}, {9, 2, 7}, {9, 3, 8}, {9, 4, 8}}, "....."},
		{"large backlog that drains", []look{{9000, 0, 0}, {8000, 10, 0}, {7000, 20, 0}, {6000, 30, 0}, {5000, 40, 0}}, "....."},
		{"backlog that grows", []look{{900, 0, 0}, {1100, 10, 0}, {1200, 20, 0}, {1300, 30, 0}, {1300, 40, 0}, {1250, 50, 0}, {1200, 60, 0}}, "...sss."},
	} {
		var d drain
		slow, got := false, ""
		for _, l := range c.looks {
			if slow = d.next(slow, l.waiting, l.sent, l.lost); slow {
				got += "s"
			} else {
				got += "."
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
