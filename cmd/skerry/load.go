package main

import (
	"time"

	"skerry/broker/access"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/hass"
	"skerry/edge/mapping"
)

// load reads a configuration with every check that needs no device: those of the file, and those of the parts that it is for.
func load(path string) (*config.Config, error) {
	cfg, err := config.Load(path, all.Kinds())
	if err != nil {
		return nil, err
	}
	wrong := accessErrors(cfg)
	for _, s := range cfg.Sensors {
		if _, err := mapping.New(s, time.Time{}, mapping.NewPresent()); err != nil {
			wrong = append(wrong, cfg.WrongSensor(s.Name, err)...)
		}
	}
	if _, err := hass.New(cfg, ""); err != nil {
		wrong = append(wrong, err.(config.Errors)...)
	}
	if len(wrong) > 0 {
		wrong.Sort()
		return nil, wrong
	}
	return cfg, nil
}

// accessErrors are what is wrong in the files of users and rules. Each file is looked at once.
func accessErrors(cfg *config.Config) (wrong config.Errors) {
	checked := map[string]bool{}
	check := func(at, users, acl, scram string) {
		for _, f := range []struct {
			key, path string
			errors    func(cfg *config.Config, key, file string) config.Errors
		}{{"users_file", users, usersErrors}, {"acl_file", acl, aclErrors}, {"scram_file", scram, scramErrors}} {
			if f.path == "" || checked[f.key+" "+f.path] {
				continue
			}
			checked[f.key+" "+f.path] = true
			wrong = append(wrong, f.errors(cfg, at+"."+f.key, f.path)...)
		}
	}
	check("broker", cfg.Broker.UsersFile, cfg.Broker.ACLFile, cfg.Broker.ScramFile)
	for _, l := range cfg.Broker.Listeners {
		check("broker.listeners."+l.Name, l.UsersFile, l.ACLFile, l.ScramFile)
	}
	return wrong
}

func scramErrors(cfg *config.Config, key, file string) config.Errors {
	if _, err := access.ReadScramUsers(file); err != nil {
		return config.Errors{cfg.Wrong(key, err.Error(), "NAME:SCRAM-SHA-256$... in each line, as `skerry user scram add FILE NAME` writes them")}
	}
	return nil
}

func usersErrors(cfg *config.Config, key, file string) config.Errors {
	if _, err := access.ReadUsers(file); err != nil {
		return config.Errors{cfg.Wrong(key, err.Error(), "NAME:HASH in each line, as `skerry user add FILE NAME` writes them")}
	}
	return nil
}

// aclErrors have their places in the ACL file; if that cannot be read, where it is named.
func aclErrors(cfg *config.Config, key, file string) config.Errors {
	_, err := access.ReadRules(file)
	if err == nil {
		return nil
	}
	if lines := access.LineErrors(err); lines != nil {
		return aclLines(file, lines)
	}
	return config.Errors{cfg.Wrong(key, err.Error(), "it must be a file that the user of this program can read")}
}
