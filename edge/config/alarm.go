package config

import (
	"fmt"
	"time"
)

const maxAlarms = 256

// Alarm is a rule over values: it is raised when When has held for For, and cleared when Clear holds.
type Alarm struct {
	Name  string        `yaml:"-"`
	When  Condition     `yaml:"when"`
	Clear Condition     `yaml:"clear"` // none: when When holds no longer
	For   time.Duration `yaml:"for" in:"0s..31d"`

	Topic string `yaml:"-"` // SITE/GATEWAY/alarm/NAME
}

// alarms gives alarms their topics.
func (d *decoder) alarms(list []Alarm, g Gateway) []Alarm {
	if len(list) > maxAlarms {
		d.fail("alarms", fmt.Sprintf("has more than %d alarms", maxAlarms), "`or` joins two that mean the same")
	}
	for i := range list {
		a := &list[i]
		at := below("alarms", a.Name)
		if !d.given(at+".when") && d.sound(at) {
			d.fail(at, "says nothing about when it is raised", `{when: "air.temperature < 0", clear: "air.temperature > 1"}`)
		}
		a.Topic = g.Site + "/" + g.ID + "/alarm/" + a.Name
		if d.sound(at) && d.sound("gateway") {
			d.claim(at, a.Topic, d.taken)
		}
	}
	return list
}
