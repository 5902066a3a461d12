package main

import (
	"time"

	"skerry/broker/server"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// load reads a configuration with every check that needs no device: those of the file, and those of the parts that it is for.
func load(path string) (*config.Config, error) {
	cfg, err := config.Load(path, all.Kinds())
	if err != nil {
		return nil, err
	}
	var wrong config.Errors
	if file := cfg.Broker.UsersFile; file != "" {
		if _, err := server.ReadUsers(file); err != nil {
			wrong = append(wrong, cfg.Wrong("broker.users_file", err.Error(), "NAME:HASH in each line, as `skerry user add FILE NAME` writes them"))
		}
	}
	for _, s := range cfg.Sensors {
		if _, err := mapping.New(s, time.Time{}); err != nil {
			wrong = append(wrong, cfg.WrongSensor(s.Name, err)...)
		}
	}
	if len(wrong) > 0 {
		wrong.Sort()
		return nil, wrong
	}
	return cfg, nil
}
