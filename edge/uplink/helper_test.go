package uplink_test

import "skerry/edge/config"

func stream(name string, match ...string) config.Stream {
	return config.Stream{Name: name, Match: match, Class: "live", Encode: "pass"}
}
