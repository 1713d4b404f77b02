// Serves the series of a file as client_golang's const metrics do: a collector that makes each anew at every scrape.
//
// Some values change all the time, as those of a page that is polled do: of each account in turn, once an interval.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type series struct {
	Labels []string `json:"labels"`
	Value  float64  `json:"value"`
}

type family struct {
	Name    string   `json:"name"`
	Help    string   `json:"help"`
	Type    string   `json:"type"`
	Names   []string `json:"names"`
	Series  []series `json:"series"`
	Changes bool     `json:"changes"`

	desc      *prometheus.Desc
	valueType prometheus.ValueType
}

type collector struct {
	mutex    sync.RWMutex
	families []*family
}

func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, family := range c.families {
		descriptions <- family.desc
	}
}

func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for _, family := range c.families {
		for _, one := range family.Series {
			metrics <- prometheus.MustNewConstMetric(family.desc, family.valueType, one.Value, one.Labels...)
		}
	}
}

func (c *collector) change(turn int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, family := range c.families {
		if family.Changes {
			family.Series[turn%len(family.Series)].Value++
		}
	}
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	interval, err := time.ParseDuration(os.Args[2])
	must(err)
	held := &collector{}
	must(json.Unmarshal(text, &held.families))
	text = nil
	largest := 1
	for _, family := range held.families {
		family.desc = prometheus.NewDesc(family.Name, family.Help, family.Names, nil)
		family.valueType = map[string]prometheus.ValueType{
			"gauge": prometheus.GaugeValue, "counter": prometheus.CounterValue,
		}[family.Type]
		if family.valueType == 0 {
			family.valueType = prometheus.UntypedValue
		}
		if family.Changes && len(family.Series) > largest {
			largest = len(family.Series)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(held)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go func() {
		for turn := 0; ; turn++ {
			time.Sleep(interval / time.Duration(largest))
			held.change(turn)
		}
	}()
	fmt.Println("listening", listener.Addr())
	must(http.Serve(listener, nil))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
