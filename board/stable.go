package board

import (
	"path/filepath"
	"slices"
	"strings"
)

// counted are the names that the kernel gives in the order of plugging, so that another adapter may have them tomorrow.
var counted = []string{"ttyUSB", "ttyACM"}

// stablePath is a path under which a port that is counted is found again: by what the adapter says of itself, or else by the socket
// it is in. It is empty where there is none, or none is needed. dev is the folder /dev.
func stablePath(dev, device string) string {
	name := filepath.Base(device)
	if filepath.Dir(device) != dev || !slices.ContainsFunc(counted, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return ""
	}
	for _, folder := range []string{"serial/by-id", "serial/by-path"} {
		links, _ := filepath.Glob(filepath.Join(dev, folder, "*")) // the only error is a bad pattern
		for _, link := range links {
			if target, err := filepath.EvalSymlinks(link); err == nil && target == device {
				return link
			}
		}
	}
	return ""
}
