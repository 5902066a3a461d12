package metric

import (
	"strconv"
	"strings"
)

// Kind says how a metric moves.
type Kind string

// The kinds.
const (
	Counter Kind = "counter" // only up, from 0 at the start of the station
	Gauge   Kind = "gauge"
)

// A Metric is a name with its samples.
type Metric struct {
	Name    string // by the rules of Prometheus: a unit at the end, _total behind that for a Counter
	Help    string
	Kind    Kind
	Samples []Sample
}

// A Sample is one value. Label and Is are empty if the metric has only one.
type Sample struct {
	Label, Is string // reason="ring"
	Value     float64
}

// One is a metric of one sample.
func One[N int | uint64 | float64](kind Kind, name, help string, value N) Metric {
	return Metric{Name: name, Help: help, Kind: kind, Samples: []Sample{{Value: float64(value)}}}
}

var (
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// Append writes metrics behind dst in the text format of Prometheus.
func Append(dst []byte, all []Metric) []byte {
	for _, m := range all {
		dst = append(dst, "# HELP "+m.Name+" "+escapeHelp.Replace(m.Help)+"\n# TYPE "+m.Name+" "+string(m.Kind)+"\n"...)
		for _, s := range m.Samples {
			dst = append(dst, m.Name...)
			if s.Label != "" {
				dst = append(dst, "{"+s.Label+`="`+escapeLabel.Replace(s.Is)+`"}`...)
			}
			dst = strconv.AppendFloat(append(dst, ' '), s.Value, 'f', -1, 64)
			dst = append(dst, '\n')
		}
	}
	return dst
}
