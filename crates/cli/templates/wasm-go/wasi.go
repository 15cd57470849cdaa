// The few interfaces of WASI 0.2 that this function uses, called as the component model's canonical ABI says.
// More are called in the same way; or have bindings made: https://github.com/bytecodealliance/componentize-go
package main

import (
	"strings"
	"unsafe"
)

// Request is a whole request.
type Request struct {
	Path    string            // with the query
	Headers map[string]string // by their names in small letters
	Body    []byte
}

// Response is a whole answer.
type Response struct {
	Status      uint16
	ContentType string
	Body        []byte
}

var handler func(Request) Response

// Handle says who answers.
func Handle(answer func(Request) Response) { handler = answer }

// Config is a setting of the manifest's `config`.
func Config(key string) (string, bool) {
	configGet(key, area())
	found := result[0]&0xff == 0 && result[1]&0xff == 1
	if !found {
		return "", false
	}
	return text(2), true
}

//go:wasmexport wasi:http/incoming-handler@0.2.12#handle
func handle(request, out uint32) {
	answer := handler(read(request))
	dropRequest(request)
	headers := newFields()
	if answer.ContentType != "" {
		value := []byte(answer.ContentType)
		fieldsAppend(headers, "content-type", unsafe.Pointer(unsafe.SliceData(value)), uint32(len(value)), area())
	}
	response := newResponse(headers)
	setStatus(response, uint32(answer.Status))
	responseBody(response, area())
	body := result[1]
	setOut(out, 0, response, 0, 0, 0, 0, 0, 0)
	bodyWrite(body, area())
	stream := result[1]
	for rest := answer.Body; len(rest) > 0; {
		size := min(len(rest), 4096) // what one call may write
		streamWrite(stream, unsafe.Pointer(unsafe.SliceData(rest)), uint32(size), area())
		if result[0]&0xff != 0 {
			break
		}
		rest = rest[size:]
	}
	dropOutput(stream)
	bodyFinish(body, 0, 0, area())
}

func read(request uint32) Request {
	whole := Request{Path: "/", Headers: map[string]string{}}
	requestPath(request, area())
	if result[0]&0xff == 1 {
		whole.Path = text(1)
	}
	headers := requestHeaders(request)
	fieldsEntries(headers, area())
	for _, field := range unsafe.Slice((*[4]uint32)(at(result[0])), result[1]) {
		whole.Headers[strings.ToLower(copied(field[0], field[1]))] = copied(field[2], field[3])
	}
	dropFields(headers)
	requestConsume(request, area())
	body := result[1]
	bodyStream(body, area())
	for stream := result[1]; ; {
		streamRead(stream, 64<<10, area())
		if result[0]&0xff != 0 { // the end
			dropInput(stream)
			break
		}
		whole.Body = append(whole.Body, text(1)...)
	}
	dropBody(body)
	return whole
}

// Where the host writes what does not fit into one number.
var result [16]uint32

// area is where the next answer goes; the one before has been copied.
func area() unsafe.Pointer {
	if kept == 0 {
		kept = used
	}
	used, held = kept, nil
	return unsafe.Pointer(&result)
}

// The text whose address and size the host wrote at `index` of the result.
func text(index int) string { return copied(result[index], result[index+1]) }

func copied(address, size uint32) string {
	if size == 0 {
		return ""
	}
	return strings.Clone(unsafe.String((*byte)(at(address)), size))
}

func at(address uint32) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// Memory for what the host answers. It asks for memory where Go must not ask it for the time, as Go may when it
// allocates, and asks for some before Go has begun. So there is some, for one answer after another.
var (
	room [1 << 20]byte
	used uintptr
	kept uintptr    // asked for before the first call, for good
	held [][]uint64 // what did not fit
)

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	memory := take(uintptr(align), uintptr(size))
	if old != nil {
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return memory
}

func take(align, size uintptr) unsafe.Pointer {
	start := uintptr(unsafe.Pointer(&room[0]))
	from := (start+used+align-1)&^(align-1) - start
	if from+size < uintptr(len(room)) {
		used = from + size
		return unsafe.Pointer(&room[from])
	}
	memory := make([]uint64, (size+7)/8+1)
	held = append(held, memory)
	return unsafe.Pointer(&memory[0])
}

//go:wasmimport wasi:config/store@0.2.0-rc.1 get
func configGet(key string, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-request.path-with-query
func requestPath(request uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-request.headers
func requestHeaders(request uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-request.consume
func requestConsume(request uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]incoming-request
func dropRequest(request uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-body.stream
func bodyStream(body uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]incoming-body
func dropBody(body uint32)

//go:wasmimport wasi:http/types@0.2.12 [constructor]fields
func newFields() uint32

//go:wasmimport wasi:http/types@0.2.12 [method]fields.append
func fieldsAppend(fields uint32, name string, value unsafe.Pointer, size uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [method]fields.entries
func fieldsEntries(fields uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]fields
func dropFields(fields uint32)

//go:wasmimport wasi:http/types@0.2.12 [constructor]outgoing-response
func newResponse(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-response.set-status-code
func setStatus(response, status uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-response.body
func responseBody(response uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [static]response-outparam.set
func setOut(out, isError, response, a uint32, b uint64, c, d, e, f uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-body.write
func bodyWrite(body uint32, result unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [static]outgoing-body.finish
func bodyFinish(body, hasTrailers, trailers uint32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.12 [method]input-stream.blocking-read
func streamRead(stream uint32, size uint64, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.12 [resource-drop]input-stream
func dropInput(stream uint32)

//go:wasmimport wasi:io/streams@0.2.12 [method]output-stream.blocking-write-and-flush
func streamWrite(stream uint32, data unsafe.Pointer, size uint32, result unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.12 [resource-drop]output-stream
func dropOutput(stream uint32)
