package pack_test

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/pack"
)

// office is the air of an office, each line a minute: temperature in degrees C, relative humidity in %, light in lx, CO2 in ppm; the first 100 minutes of datatest.txt of
// the Occupancy Detection data set, L. Candanedo (2016), UCI Machine Learning Repository, doi:10.24432/C5X01N, under CC BY 4.0
// (https://creativecommons.org/licenses/by/4.0/); dates and other columns are left out.
//
//go:embed testdata/office.csv
var office string

// recorded are its values as the gateway would publish them. Most are means of several samples, and have up to ten decimals.
func recorded(t *testing.T, decimals int) (all []pack.Message) {
	t.Helper()
	at := time.Date(2015, 2, 2, 14, 19, 0, 0, time.UTC)
	for line := range strings.Lines(office) {
		for i, text := range strings.Split(strings.TrimSpace(line), ",") {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			value := strconv.FormatFloat(x, 'f', -1, 64)
			if decimals >= 0 {
				value = strconv.FormatFloat(x, 'f', decimals, 64)
			}
			now := at.Add(time.Duration(i) * 13 * time.Millisecond)
			all = append(all, pack.Message{
				Topic:    "office/gw01/air/" + []string{"temperature", "humidity", "illuminance", "co2"}[i],
				Payload:  fmt.Appendf(nil, `{"value":%s,"unit":%q,"time":%q}`, value, []string{"°C", "%", "lx", "ppm"}[i], now.Format("2006-01-02T15:04:05.000Z")),
				QoS:      1,
				Sequence: uint64(1 + len(all)),
			})
		}
		at = at.Add(time.Minute)
	}
	return all
}

// TestRecorded: what real sensors have measured comes back byte for byte, and codes as the synthetic readings do.
func TestRecorded(t *testing.T) {
	for _, test := range []struct {
		name     string
		decimals int
		batch    int
		most     float64
	}{{"two decimals", 2, 100, 2.8}, {"two decimals", 2, 20, 8}, {"as recorded", -1, 100, 5.5}} {
		messages := recorded(t, test.decimals)
		total, n := 0, 0
		for _, b := range blocks(t, head, 0, test.batch, messages) {
			total += len(b)
			_, list, err := pack.Decode(b, pack.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.Topic != messages[n].Topic || !bytes.Equal(m.Payload, messages[n].Payload) {
					t.Fatalf("message %d became %s %s", n, m.Topic, m.Payload)
				}
				n++
			}
		}
		each := float64(total) / float64(n)
		t.Logf("%s, %d in a block: %.2f bytes each", test.name, test.batch, each)
		if n != len(messages) || each > test.most {
			t.Errorf("%s, %d in a block: %d messages of %.2f bytes, want %d of %.2f at most", test.name, test.batch, n, each, len(messages), test.most)
		}
	}
}
