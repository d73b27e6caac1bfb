package main

import "time"

const (
	mib  = 1 << 20
	late = 60 * time.Second // the deadline of most jobs
)

const (
	bulkSection  = "Bulk data"
	tripSection  = "Round trips and connections"
	shareSection = "Streams beside each other"
	farSection   = "With the API server 40 ms away"
	slowSection  = "With the API server 40 ms away, at 100 Mbit/s"
	startSection = "Starts"
	memSection   = "Memory"
	cpuSection   = "CPU time"
)

// items are in the order of the report. Each makes up its own mind about how
// much is enough: long enough to be told from noise, and short enough for many
// rounds.
var items = []item{
	bulk("up", "Up", "up", true),
	bulk("down", "Down", "down", true),
	bulk("both", "Both at once, on two connections, together", "both", false),
	{
		name: "small", title: "Up, in writes of 1 KiB", section: bulkSection,
		job:   job{Load: "up", Bytes: 64 * mib, Chunk: 1 << 10, Deadline: late},
		shown: []shown{{number: "MB/s", unit: "MB/s", chart: true}},
	},
	{
		name: "trips", title: "Round trip of a byte", section: tripSection, quick: true,
		job: job{Load: "trips", Count: 3000, Deadline: late}, small: job{Load: "trips", Count: 500, Deadline: late},
		shown: []shown{
			{number: "p50", title: "median", unit: "µs", lower: true, chart: true},
			{number: "p99", title: "99th percentile", unit: "µs", lower: true},
		},
	},
	{
		name: "connect", title: "Connect and first byte", section: tripSection, quick: true,
		job: job{Load: "connect", Count: 300, Deadline: late}, small: job{Load: "connect", Count: 50, Deadline: late},
		shown: []shown{
			{number: "p50", title: "median", unit: "ms", lower: true, chart: true},
			{number: "p99", title: "99th percentile", unit: "ms", lower: true},
		},
	},
	{
		name: "requests-1", title: "1000 connections of one request, one at a time", section: tripSection,
		job:   job{Load: "requests", Count: 1000, Conns: 1, Deadline: late},
		shown: []shown{{number: "req/s", unit: "a second", chart: true}},
	},
	{
		name: "requests-50", title: "1000 connections of one request, 50 at once", section: tripSection, quick: true,
		job: job{Load: "requests", Count: 1000, Conns: 50, Deadline: late}, small: job{Load: "requests", Count: 300, Conns: 50, Deadline: 15 * time.Second},
		shown: []shown{{number: "req/s", unit: "a second", chart: true}},
	},
	besides("beside-down", "Round trips beside bulk data down", false),
	besides("beside-up", "Round trips beside bulk data up", true),
	{
		name: "stalled", title: "Down, beside a stream that nobody reads", section: shareSection, quick: true, dirty: true,
		job: job{Load: "stalled", Bytes: 256 * mib, Deadline: 30 * time.Second}, small: job{Load: "stalled", Bytes: 32 * mib, Deadline: 4 * time.Second},
		shown: []shown{
			{number: "without MB/s", title: "without it", unit: "MB/s"},
			{number: "with MB/s", title: "with it", unit: "MB/s"},
			{number: "kept", title: "share that is kept"},
		},
	},
	{
		name: "late", title: "Answer 100 ms after the end of data", section: shareSection, quick: true, dirty: true,
		job:   job{Load: "late", Bytes: 64 << 10, Deadline: 10 * time.Second},
		shown: []shown{{number: "ms", unit: "ms", lower: true}},
	},
	{
		name: "far-up", title: "Up", stage: far, section: farSection, cpu: true,
		job:   job{Load: "up", Bytes: 256 * mib, Deadline: 2 * late},
		shown: []shown{{number: "MB/s", unit: "MB/s", chart: true}},
	},
	{
		name: "far-down", title: "Down", stage: far, section: farSection, cpu: true,
		job:   job{Load: "down", Bytes: 256 * mib, Deadline: 2 * late},
		shown: []shown{{number: "MB/s", unit: "MB/s", chart: true}},
	},
	{
		name: "far-connect", title: "Connect and first byte", stage: far, section: farSection,
		job: job{Load: "connect", Count: 20, Deadline: late},
		shown: []shown{
			{number: "p50", title: "median", unit: "ms", lower: true, chart: true},
			{number: "round trips", title: "median in round trips", lower: true},
		},
	},
	slowBesides("slow-beside-down", "Round trips beside bulk data down", false),
	slowBesides("slow-beside-up", "Round trips beside bulk data up", true),
	{
		name: "help", title: "`--help`", stage: apart, section: startSection, quick: true,
		paths: []string{viaProx}, run: help, deadline: late,
		shown: []shown{{number: "ms", unit: "ms", lower: true}},
	},
	{
		name: "cold", title: "Start to first byte, with an agent to launch in a pod of its own", stage: apart, section: startSection,
		paths: []string{viaPF, viaProx}, run: coldStart, deadline: 2 * late,
		shown: []shown{{number: "ms", unit: "ms", lower: true}},
	},
	{
		name: "warm", title: "Start to first byte, with an agent that is there", stage: apart, section: startSection, quick: true,
		paths: []string{viaPF, viaProx}, run: warmStart, deadline: 2 * late,
		shown: []shown{
			{number: "ms", title: "median", unit: "ms", lower: true},
			{number: "own", title: "CPU time of the command", unit: "ms", lower: true},
		},
	},
	{
		name: "port", title: "Start to first byte through a local port, with an agent that is there", stage: apart, section: startSection,
		run: portStart, deadline: 2 * late,
		shown: []shown{{number: "ms", unit: "ms", lower: true, chart: true}},
	},
	idle("idle-0", "No stream", 0),
	idle("idle-1", "1 idle stream", 1),
	idle("idle-1000", "1000 idle streams", 1000),
	idle("idle-10000", "10,000 idle streams", 10000),
	{
		name: "active-1000", title: "1000 streams that receive for 5 s, at most", stage: apart, section: memSection,
		paths: []string{viaPF, viaProx}, run: active, deadline: 2 * late, shown: memory,
	},
}

// bulk is an item that moves much, in each direction if there are two.
func bulk(name, title, load string, quick bool) item {
	i := item{
		name: name, title: title, section: bulkSection, quick: quick, cpu: quick,
		job: job{Load: load, Bytes: 512 * mib, Deadline: late}, small: job{Load: load, Bytes: 64 * mib, Deadline: 15 * time.Second},
		shown: []shown{{number: "MB/s", unit: "MB/s", chart: true}},
	}
	return i
}

func besides(name, title string, up bool) item {
	return item{
		name: name, title: title, section: shareSection, quick: !up,
		job:   job{Load: "beside", Count: 1000, Up: up, Deadline: late},
		small: job{Load: "beside", Count: 200, Up: up, Deadline: 10 * time.Second},
		shown: []shown{
			{number: "alone p99", title: "99th percentile alone", unit: "µs", lower: true},
			{number: "beside p50", title: "median beside", unit: "µs", lower: true},
			{number: "beside p99", title: "99th percentile beside", unit: "µs", lower: true, chart: true},
			{number: "p99 ratio", title: "99th percentile beside to alone", lower: true},
		},
	}
}

// slowBesides is besides where the network is the limit, and no processor.
func slowBesides(name, title string, up bool) item {
	i := besides(name, title, up)
	i.stage, i.section, i.quick = slow, slowSection, false
	i.job.Count, i.small = 50, job{}
	return i
}

var memory = []shown{
	{number: "client", title: "client", unit: "MiB", lower: true},
	{number: "agent", title: "agent", unit: "MiB", lower: true},
}
