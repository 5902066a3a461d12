package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

type versionCmd struct{}

// Run prints one fact per line.
func (versionCmd) Run() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	fmt.Println("skerry", versionOf(info))
	if commit := commitOf(info); commit != "" {
		fmt.Println("commit", commit)
	}
	fmt.Println("built with", runtime.Version())
	fmt.Println("platform", platformOf(info))
	return nil
}

// programVersion is the version of this program in one word.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

// versionOf is what the linker said, else what `go install` knows.
func versionOf(info *debug.BuildInfo) string {
	switch {
	case version != "":
		return version
	case info.Main.Version != "":
		return info.Main.Version
	}
	return "(unknown version)"
}

// commitOf is the commit that was built, and whether files had been changed since.
func commitOf(info *debug.BuildInfo) string {
	commit := setting(info, "vcs.revision")
	if commit == "" {
		return ""
	}
	if at := setting(info, "vcs.time"); at != "" {
		commit += " of " + at
	}
	if setting(info, "vcs.modified") == "true" {
		commit += ", with changes"
	}
	return commit
}

// platformOf names the system, and the ARM version where there are several.
func platformOf(info *debug.BuildInfo) string {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if arm := setting(info, "GOARM"); arm != "" {
		platform += " v" + arm
	}
	return platform
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
