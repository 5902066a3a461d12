package uplink_test

import (
	"testing"
	"time"

	"skerry/edge/config"
)

// TestWhenQualityAndTime: a stream chooses by quality and by the time of day; that of a payload which does not say it is when it was published.
func TestWhenQualityAndTime(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.streams = []config.Stream{{Name: "day", Match: []string{"#"}, When: when(t, `quality == "good" and time.hour >= 6 and time.hour < 18`)}}
		at.wall = func() (int64, bool) { return time.Now().UnixMilli(), true }
		at.start()
		at.online()
		for time.Now().UTC().Hour() != 5 {
			time.Sleep(time.Minute)
		}
		at.say("a", "1", false)
		at.say("b", `{"value":2,"time":"2026-11-22T12:00:00Z"}`, false)
		at.say("b", `{"value":3,"time":"2026-11-22T12:00:00Z","quality":"suspect"}`, false)
		time.Sleep(time.Hour)
		at.say("a", "4", false)
		at.say("b", `{"value":5,"time":"2026-11-22T03:00:00Z"}`, false)
		time.Sleep(time.Second)
		at.expectArrived(`farm/b={"value":2,"time":"2026-11-22T12:00:00Z"}`, "farm/a=4")
	})
}
