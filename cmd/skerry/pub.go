package main

type pubCmd struct{}
