package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ownGroups makes a control group for a machine, in each hierarchy that its systemd would use. Machines that are begun in one group have one tree, in
// which the systemd of each removes groups of the others: of two services of one name one loses its processes, or cannot be stopped. A hierarchy in which
// none can be made is left as it is. remove removes them when the machine has ended.
func ownGroups(name string) (groups []string, remove func(), err error) {
	all, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, nil, fmt.Errorf("which control groups are ours: %w", err)
	}
	for line := range strings.Lines(string(all)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) < 3 {
			continue
		}
		for _, at := range hierarchies(part[0], part[1]) {
			group := filepath.Join(at, part[2], name)
			if _, err := os.Stat(filepath.Join(at, part[2], "cgroup.procs")); err == nil && os.Mkdir(group, 0o755) == nil {
				groups = append(groups, group)
				break
			}
		}
	}
	return groups, func() { removeGroups(groups) }, nil
}

// hierarchies are where one may be mounted that systemd uses: its own, and that of version 2.
func hierarchies(number, controllers string) []string {
	switch {
	case controllers == "name=systemd":
		return []string{"/sys/fs/cgroup/systemd"}
	case number == "0":
		return []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}
	}
	return nil
}

// removeGroups removes groups and those in them, the inner ones first.
func removeGroups(groups []string) {
	for _, group := range groups {
		var all []string
		_ = filepath.WalkDir(group, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		for _, path := range slices.Backward(all) {
			_ = os.Remove(path)
		}
	}
}

// within runs a program in groups, as far as the kernel lets it.
func within(groups []string, program string, args []string) []string {
	script := ""
	for _, group := range groups {
		script += "echo $$ >'" + group + "/cgroup.procs' || true\n"
	}
	return append([]string{"sh", "-ec", script + `exec "$@"`, "sh", program}, args...)
}
