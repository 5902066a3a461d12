package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// resolve returns a path of the file as the program can use it.
func (d *decoder) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.dir, path)
}

// existing resolves the path at a key and reports one behind which no readable file stands. Of a secret not even the path is
// shown, as people put the secret itself there.
func (d *decoder) existing(key string, path *string, secret bool, hint string) {
	if !d.given(key) || !d.sound(key) {
		return
	}
	name := fmt.Sprintf("%q", *path)
	if secret {
		name = "the path"
	}
	written := *path
	*path = d.resolve(written)
	problem := unusable(*path)
	switch {
	case problem == "":
		return
	case strings.HasPrefix(written, "~"):
		hint = "~ is not expanded: write the whole path"
	case hint == "" && !filepath.IsAbs(written):
		hint = "the path starts in the folder of this file"
	case hint == "":
		hint = "it must be a file that the user of this program can read"
	}
	d.fail(key, name+" "+problem, hint)
}

// unusable says why a file cannot be read, or nothing.
func unusable(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	case err != nil:
		return "cannot be read"
	case info.IsDir():
		return "is a folder, not a file"
	case !info.Mode().IsRegular():
		return "is not a regular file"
	}
	f, err := os.Open(path)
	if err != nil {
		return "may not be read by this user"
	}
	f.Close()
	return ""
}
