package server

import "testing"

// Whose pages may connect depends on what an attacker could make of a name that he owns: it can lead to any address.
func TestOrigins(t *testing.T) {
	const local, anybody, users = "this machine", "anybody", "users"
	tests := []struct {
		origin, host, from string
		want               bool
	}{
		{"", "gateway.lan:8080", anybody, true}, // no browser
		{"http://gateway.lan:8080", "gateway.lan:8080", users, true},
		{"http://gateway.lan:8080", "gateway.lan:8080", anybody, false}, // the name could be anybody's
		{"http://192.0.2.1:8080", "192.0.2.1:8080", anybody, true},
		{"http://[2001:db8::1]:8080", "[2001:db8::1]:8080", anybody, true},
		{"http://192.0.2.2:8080", "192.0.2.1:8080", anybody, false},
		{"http://192.0.2.1.evil.example", "192.0.2.1.evil.example", anybody, false},
		{"http://dash.example.org", "gateway.lan:8080", anybody, true}, // configured
		{"http://localhost:8080", "localhost:8080", local, true},
		{"http://127.0.0.1:8080", "127.0.0.1:8080", local, true},
		{"http://192.0.2.1:8080", "192.0.2.1:8080", local, false},
		{"http://gateway.lan:8080", "gateway.lan:8080", local, false},
		{"null", "gateway.lan:8080", users, false},
		{"http://", "", users, false},
	}
	w := WebSocket{Origins: []string{"http://dash.example.org"}}
	for _, tt := range tests {
		if got := w.welcomes(tt.origin, tt.host, tt.from == local, tt.from != users); got != tt.want {
			t.Errorf("a page of %q at host %q, for %s: %v, want %v", tt.origin, tt.host, tt.from, got, tt.want)
		}
	}
}
