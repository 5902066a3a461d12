package main

import (
	"errors"
	"fmt"
	"os"

	"skerry/edge/config"
	"skerry/edge/simulate"
)

// simulation are the flags that put simulated devices into the place of all real ones.
type simulation struct {
	Simulate bool   `help:"Run on simulated devices, whatever board the configuration names: no sensor is touched, no uplink reaches its server, and the log is in a folder of its own, removed at the end."`
	Scenario string `placeholder:"FILE" help:"What the simulated devices play, instead of the scenario that the configuration names. Implies --simulate."`
}

// load reads a configuration as it is to be run.
func (f simulation) load(path string) (*config.Config, error) {
	cfg, err := load(path)
	if err != nil {
		return nil, err
	}
	if f.Scenario != "" {
		if cfg.Scenario, err = config.LoadScenario(f.Scenario, cfg); err != nil {
			return nil, err
		}
	}
	if (f.Simulate || f.Scenario != "") && cfg.Gateway.Board != "sim" {
		cfg.Gateway.Board = "sim"
		if cfg.Scenario == nil {
			cfg.Scenario = config.NewScenario()
		}
		cfg.Scenario.StandIn()
		cfg.Storage.Path = ""
	}
	return cfg, playable(cfg)
}

// own gives a simulated station a folder for its log where it must not have that of the real one, and what removes it.
func (f simulation) own(cfg *config.Config) (remove func(), err error) {
	if cfg.Storage.Path != "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "skerry-simulated-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the simulated station: %w", err)
	}
	cfg.Storage.Path = dir
	return func() { os.RemoveAll(dir) }, nil
}

// playable finds what a simulated board cannot play of a configuration and its scenario.
func playable(cfg *config.Config) error {
	if cfg.Gateway.Board != "sim" {
		return nil
	}
	scenario := cfg.Scenario
	if scenario == nil {
		scenario = config.NewScenario()
	}
	_, err := simulate.New(cfg, scenario, nil)
	if wrong, ok := errors.AsType[config.Errors](err); ok {
		return wrong
	}
	return err
}
