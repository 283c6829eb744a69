package main

import (
	"encoding/json"
	"math"
	"os"
	"sync"
)

// Station holds the constants of one harbour.
type Station struct {
	Mean       float64   `json:"mean"`
	Amplitudes []float64 `json:"amplitudes"`
	Phases     []float64 `json:"phases"`
	Speeds     []float64 `json:"speeds"`
}

// Day returns 24 hourly levels in metres.
func (s *Station) Day() []float64 {
	levels := make([]float64, 24)
	for hour := range levels {
		levels[hour] = s.Mean
		for i, speed := range s.Speeds {
			angle := (speed*float64(hour) - s.Phases[i]) * math.Pi / 180
			levels[hour] += s.Amplitudes[i] * math.Cos(angle)
		}
	}
	return levels
}

// Store is a read-only map of stations that several requests may use at once.
type Store struct {
	mutex    sync.RWMutex
	stations map[string]*Station
}

// OpenStore reads a JSON object of stations.
func OpenStore(path string) (*Store, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	store := &Store{stations: map[string]*Station{}}
	return store, json.Unmarshal(data, &store.stations)
}

// Find returns the station called name.
func (s *Store) Find(name string) (*Station, bool) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	station, ok := s.stations[name]
	return station, ok
}
