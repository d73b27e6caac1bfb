package dns

import (
	"io"
	"io/fs"
	"os"
	"sync"
)

// A watchedFile is a file that is parsed again when its modification time or
// size is another. Safe for concurrent use.
type watchedFile[T any] struct {
	mu    sync.Mutex
	stat  fs.FileInfo // guarded by mu; nil before the first look and when there is no file
	value T           // guarded by mu
	read  bool        // guarded by mu; value is set
}

// get returns the file as it is now; path and parse are always the same. One that is not there or cannot be read is
// like an empty one, as it is for the C libraries.
func (w *watchedFile[T]) get(path string, parse func(text string) T) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	stat, err := os.Stat(path)
	if err != nil {
		stat = nil
	}
	if w.read && sameVersion(w.stat, stat) {
		return w.value
	}
	var text []byte
	if stat != nil {
		text = readBounded(path)
	}
	w.value, w.stat, w.read = parse(string(text)), stat, true
	return w.value
}

func sameVersion(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
}

func readBounded(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil
	}
	return text
}
