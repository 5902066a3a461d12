package mapping

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"skerry/drivers"
)

// senmlType is the media type of a pack of SenML records in CBOR (RFC 8428, section 12.3.2), as the Content Type of MQTT 5.
const senmlType = "application/senml+cbor"

// Labels of SenML in CBOR (RFC 8428, table 4).
const (
	labelVersion  = -1
	labelBaseName = -2
	labelBaseTime = -3
	labelName     = 0
	labelUnit     = 1
	labelValue    = 2
	labelText     = 3
	labelTime     = 6
)

// labelQuality says that a value is not good. A label that ends with _ is one that a receiver must understand, or else reject
// the pack (RFC 8428, section 4.4): nobody takes a stale value for a new one by not knowing this label.
const labelQuality = "quality_"

// labelClock says that the time is not known, beside a quality that says something else.
const labelClock = "clock_"

// relative bounds the age that a record without a date has: it is written as seconds before now (RFC 8428, section 4.5.3). What is older
// than an hour was made before the clock was stepped.
const relativeMin, relativeMax = time.Second, time.Hour

// earliestTime is the smallest absolute time of SenML; what is smaller is relative to now (RFC 8428, section 4.5.3).
const earliestTime = 1 << 28

// senmlUnits are the names of our units in the registries of RFC 8428 and RFC 8798, where they are others. A unit that is in
// neither is written as it is.
var senmlUnits = map[string]string{
	"°C": "Cel", "°": "deg", "%": "/100", "µg/m³": "ug/m3", "μg/m³": "ug/m3", "Ω": "Ohm", "lux": "lx", "l": "l", "°/s": "deg/s",
	"m²": "m2", "m³": "m3", "m³/s": "m3/s", "m/s²": "m/s2", "W/m²": "W/m2", "cd/m²": "cd/m2", "kg/m³": "kg/m3",
}

// secondaryUnits are those of RFC 8798, section 3, that people measure in. A pack with one of them is of another version: that
// with the feature "secondary units" (RFC 9100, sections 2 and 4).
var secondaryUnits = map[string]bool{
	"ms": true, "min": true, "h": true, "MHz": true, "kW": true, "kVA": true, "kvar": true, "Ah": true, "Wh": true, "kWh": true, "varh": true,
	"kvarh": true, "kVAh": true, "KiB": true, "GB": true, "mV": true, "mA": true, "dBm": true, "ug/m3": true, "mm/h": true, "m/h": true,
	"ppm": true, "/100": true, "/1000": true, "hPa": true, "mm": true, "cm": true, "km": true, "km/h": true,
}

// versionWithSecondaryUnits is the default version, 10, with feature 4.
const versionWithSecondaryUnits = 10 + 1<<4

// senmlNames are values whose unit has a name of its own.
var senmlNames = map[string]string{"humidity": "%RH", "latitude": "lat", "longitude": "lon", "battery": "%EL"}

var senmlMode = func() cbor.EncMode {
	mode, err := cbor.EncOptions{Sort: cbor.SortBytewiseLexical, ShortestFloat: cbor.ShortestFloat16}.EncMode()
	if err != nil {
		panic(err) // the options are those above
	}
	return mode
}()

// record is one of a pack.
type record map[any]any

// appendSenML writes values as a pack of SenML in CBOR; several share the beginning of their names and their time.
func (s *Sensor) appendSenML(dst []byte, values []*value) []byte {
	prefix := s.config.Site + "/" + s.config.Gateway + "/" + s.config.Name + "/"
	var pack []record
	base := newest(values)
	for _, v := range values {
		if !v.known() {
			continue
		}
		r := v.record(v.config.Name)
		if at, ok := senmlTime(v.now.time); ok && !v.now.undated {
			r[labelTime] = at
		} else if age := s.told.Sub(v.now.time); v.now.undated && age >= relativeMin && age < relativeMax {
			r[labelTime] = -age.Round(time.Millisecond).Seconds()
		}
		pack = append(pack, r)
	}
	if len(pack) == 1 {
		pack[0][labelName] = prefix + pack[0][labelName].(string)
	} else if len(pack) > 1 {
		pack[0][labelBaseName] = prefix
		share(pack, base)
	}
	if slices.ContainsFunc(pack, func(r record) bool { unit, _ := r[labelUnit].(string); return secondaryUnits[unit] }) {
		pack[0][labelVersion] = versionWithSecondaryUnits
	}
	b, err := senmlMode.Marshal(pack)
	if err != nil { // maps of numbers and texts
		panic(err)
	}
	return append(dst, b...)
}

// share takes the time of the newest value out of the records, as one base time for all, if it is that of all.
func share(pack []record, newest time.Time) {
	base, ok := senmlTime(newest)
	for _, r := range pack {
		ok = ok && r[labelTime] == base
	}
	if !ok {
		return
	}
	for _, r := range pack {
		delete(r, labelTime)
	}
	pack[0][labelBaseTime] = base
}

// record is one value without its time.
func (v *value) record(name string) record {
	r := record{labelName: name}
	unit, ok := senmlNames[name]
	if own := map[string]string{"%RH": "%", "%EL": "%", "lat": "°", "lon": "°"}[unit]; !ok || own != v.config.Unit {
		if unit, ok = senmlUnits[v.config.Unit]; !ok {
			unit = v.config.Unit
		}
	}
	if unit != "" && !v.config.Doc.Text {
		r[labelUnit] = unit
	}
	switch {
	case v.config.Doc.Text && v.now.text != "":
		r[labelText] = strings.ToValidUTF8(v.now.text, "\ufffd")
	case !math.IsNaN(v.now.number):
		r[labelValue] = v.senmlNumber()
	}
	if v.now.quality != drivers.Good {
		r[labelQuality] = v.now.quality.String()
	}
	if v.now.marked() {
		r[labelClock] = "unset"
	}
	return r
}

// senmlNumber is the number that is printed elsewhere, as a whole number where it is one.
func (v *value) senmlNumber() any {
	x, err := strconv.ParseFloat(string(v.step.append(nil, v.now.number)), 64)
	if err != nil {
		return v.now.number
	}
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return int64(x)
	}
	return x
}

// senmlTime is in seconds since 1970; false if it is none that can be written.
func senmlTime(t time.Time) (any, bool) {
	ms := t.UnixMilli()
	if t.IsZero() || ms < earliestTime*1000 {
		return nil, false
	}
	if ms%1000 == 0 {
		return ms / 1000, true
	}
	return float64(ms) / 1000, true
}

// ResolveSenML puts a pack right that was written while the clock was not set: its values were measured at that time. The result is
// new; nil for what is no such pack.
func ResolveSenML(payload []byte, at time.Time) []byte {
	var pack []record
	if len(payload) == 0 || payload[0]>>5 != 4 || senmlDecoder.Unmarshal(payload, &pack) != nil { // no list
		return nil
	}
	unset := false
	for _, r := range pack {
		mark := labelClock
		if r[labelQuality] == drivers.ClockUnset.String() {
			mark = labelQuality
		}
		age, _ := r[int64(labelTime)].(float64) // of whole seconds too: it was written as such
		t, ok := senmlTime(at.Add(time.Duration(age * float64(time.Second)).Round(time.Millisecond)))
		if _, marked := r[mark]; marked && ok {
			unset = true
			delete(r, mark)
			r[int64(labelTime)] = t
		}
	}
	if !unset {
		return nil
	}
	b, err := senmlMode.Marshal(pack)
	if err != nil {
		return nil
	}
	return b
}

var senmlDecoder = func() cbor.DecMode {
	mode, err := cbor.DecOptions{IntDec: cbor.IntDecConvertSignedOrFail, MaxNestedLevels: 4, MaxMapPairs: 16}.DecMode()
	if err != nil {
		panic(err) // the options are those above
	}
	return mode
}()
