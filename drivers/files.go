package drivers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// ReadText reads a file of the kernel that holds one line.
func ReadText(ctx context.Context, f Files, name string) (string, error) {
	b, err := f.ReadFile(ctx, name)
	return strings.TrimSpace(string(b)), err
}

// ReadNumber reads a file of the kernel that holds one number.
func ReadNumber(ctx context.Context, f Files, name string) (float64, error) {
	text, err := ReadText(ctx, f, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("/%s is not a number: %.40q", name, text)
	}
	return n, nil
}
