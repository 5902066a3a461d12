package config

import (
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"skerry/drivers"
)

// Health is the short form of a sensor that watches the board itself.
type Health struct {
	Every time.Duration `yaml:"every" in:"10ms..31d"`
}

// healthSensor is the name of the sensor that the section makes, and of its driver.
const healthSensor = "health"

// health makes a sensor of the section of that name, on the disk that the log is on.
func (d *decoder) health(c *contents, cfg *Config, kinds []drivers.Kind) []Sensor {
	if !d.given(healthSensor) || !d.sound(healthSensor) || !d.sound("storage") {
		return nil
	}
	disk, err := filepath.Abs(cfg.Storage.Path)
	switch {
	case d.given(below("sensors", healthSensor)):
		d.fail(healthSensor, "sensors has one of this name already", "give that one another name, or leave the section health out")
		return nil
	case !slices.ContainsFunc(kinds, func(k drivers.Kind) bool { return k.Name == healthSensor }):
		d.fail(healthSensor, "this program has no driver health", "leave the section out")
		return nil
	case err != nil:
		d.fail("storage.path", err.Error(), "write the whole path")
		return nil
	}
	own := *c
	own.Defaults.Every = 5 * time.Minute
	if d.given("health.every") {
		own.Defaults.Every = c.Health.Every
	}
	as := func(text string) *yaml.Node {
		at := nearestPlace(d.places, healthSensor)
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: at.line, Column: at.column}
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{as("driver"), as(healthSensor), as("disk"), as(disk)}}
	s := d.sensor(section{n, healthSensor}, healthSensor, &own, kinds)
	d.places[below("sensors", healthSensor)] = d.places[healthSensor] // where others look for what is wrong with it
	if d.sound(healthSensor) && d.sound("gateway") && d.sound("defaults") {
		d.topics(healthSensor, &s, station(cfg.Gateway))
	}
	return []Sensor{s}
}
