package profile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// TokenLife is how long a token is good for. Each renewal is a reconnect, with a whole TLS handshake on a link that is paid by the
	// byte; a token that was stolen is good no longer than this.
	TokenLife = 48 * time.Hour
	// RenewBefore is how long before its end a token is renewed: clocks differ, and the link may be down just then.
	RenewBefore = 2 * time.Hour
)

// ErrKey says that a key is none. It shows nothing of it.
var ErrKey = errors.New("it holds no key in base64")

// ParseKey reads the primary or secondary key of a device, as the portal shows it.
func ParseKey(text []byte) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) == 0 {
		return nil, ErrKey // the decoder's error tells where and so what
	}
	return key, nil
}

// Token makes the password of a device: SharedAccessSignature with the resource, a signature by HMAC-SHA256 over it and the end, and the
// end in seconds since 1970 (learn.microsoft.com, "Control access to IoT Hub using Shared Access Signatures").
func Token(key []byte, host, device string, end time.Time) string {
	resource := string(escape(nil, host+"/devices/"+device))
	signed := hmac.New(sha256.New, key)
	fmt.Fprintf(signed, "%s\n%d", resource, end.Unix())
	signature := escape(nil, base64.StdEncoding.EncodeToString(signed.Sum(nil)))
	return fmt.Sprintf("SharedAccessSignature sr=%s&sig=%s&se=%d", resource, signature, end.Unix())
}
