package main

type subCmd struct{}
