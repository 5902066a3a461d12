package board

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// counted are the names that the kernel gives in the order of plugging, so that another adapter may have them tomorrow.
var counted = []string{"ttyUSB", "ttyACM"}

// stablePath is a path under which a port that is counted is found again: by what the adapter says of itself, or else by the socket
// it is in. It is empty where there is none, or none is needed. root is the root of the file system.
func stablePath(root, device string) string {
	dev, name := filepath.Join(root, "dev"), filepath.Base(device)
	if filepath.Dir(device) != dev || !slices.ContainsFunc(counted, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return ""
	}
	folders := []string{"serial/by-id", "serial/by-path"}
	if nameless(root, name) {
		folders = folders[1:]
	}
	for _, folder := range folders {
		links, _ := filepath.Glob(filepath.Join(dev, folder, "*")) // the only error is a bad pattern
		for _, link := range links {
			if target, err := filepath.EvalSymlinks(link); err == nil && target == device {
				return link
			}
		}
	}
	return ""
}

// nameless tells whether a port is of a USB adapter without a serial number: all of its kind have one name under by-id.
func nameless(root, port string) bool {
	at, err := filepath.EvalSymlinks(filepath.Join(root, "sys/class/tty", port, "device"))
	if err != nil {
		return false
	}
	for ; len(at) > len(root)+1; at = filepath.Dir(at) { // the interface, then the device
		if exists(filepath.Join(at, "idVendor")) {
			return !exists(filepath.Join(at, "serial"))
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
