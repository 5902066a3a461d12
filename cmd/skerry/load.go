package main

import (
	"skerry/broker/server"
	"skerry/drivers/all"
	"skerry/edge/config"
)

// load reads a configuration with every check that needs no device: those of the file, and those of the parts that it is for.
func load(path string) (*config.Config, error) {
	cfg, err := config.Load(path, all.Kinds())
	if err != nil {
		return nil, err
	}
	if file := cfg.Broker.UsersFile; file != "" {
		if _, err := server.ReadUsers(file); err != nil {
			return nil, config.Errors{cfg.Wrong("broker.users_file", err.Error(), "")}
		}
	}
	return cfg, nil
}
