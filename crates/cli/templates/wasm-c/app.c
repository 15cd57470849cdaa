// A WebAssembly function. The build makes `function.h`; to have it in the editor: wit-bindgen c wit --world function
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"

struct text {
  char *at;
  size_t size;
};

// Answers GET /hello
static int on_request(char *answer, size_t room) {
  function_string_t key, greeting = {(uint8_t *)"Hello", 5};
  function_string_set(&key, "greeting");
  function_option_string_t found;
  wasi_config_store_error_t error;
  if (wasi_config_store_get(&key, &found, &error) && found.is_some) greeting = found.val;
  printf("hello, world\n");
  fflush(stdout);
  return snprintf(answer, room, "{\"message\": \"%.*s, world!\"}", (int)greeting.len, (char *)greeting.ptr);
}

// Answers an event, which comes as a CloudEvents request: its data is the body, all else is in headers.
static int on_event(struct text data, char *answer, size_t room) {
  printf("an event\n");
  fflush(stdout);
  return snprintf(answer, room, "{\"got\": %.*s}", (int)data.size, data.at);
}

// Events alone have the header: no client of the gateway can send it.
static bool is_event(wasi_http_types_borrow_incoming_request_t request) {
  wasi_http_types_own_headers_t headers = wasi_http_types_method_incoming_request_headers(request);
  function_string_t name;
  function_string_set(&name, "lambda-runtime-aws-request-id");
  bool has = wasi_http_types_method_fields_has(wasi_http_types_borrow_fields(headers), &name);
  wasi_http_types_fields_drop_own(headers);
  return has;
}

static struct text read_body(wasi_http_types_borrow_incoming_request_t request) {
  struct text text = {malloc(1), 0};
  wasi_http_types_own_incoming_body_t body;
  if (!wasi_http_types_method_incoming_request_consume(request, &body)) return text;
  wasi_http_types_own_input_stream_t stream;
  if (wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body), &stream)) {
    function_list_u8_t part;
    wasi_io_streams_stream_error_t end;
    while (wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(stream), 65536,
                                                             &part, &end)) {
      text.at = realloc(text.at, text.size + part.len + 1);
      memcpy(text.at + text.size, part.ptr, part.len);
      text.size += part.len;
      function_list_u8_free(&part);
    }
    wasi_io_streams_input_stream_drop_own(stream);
  }
  wasi_http_types_incoming_body_drop_own(body);
  return text;
}

static void send(wasi_http_types_own_response_outparam_t out, const char *text, size_t size) {
  wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
  function_string_t name;
  function_string_set(&name, "content-type");
  wasi_http_types_field_value_t value = {(uint8_t *)"application/json", 16};
  wasi_http_types_header_error_t refused;
  wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(headers), &name, &value, &refused);
  wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers);
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body);
  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val = {.ok = response}};
  wasi_http_types_static_response_outparam_set(out, &result);
  wasi_http_types_own_output_stream_t stream;
  wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);
  bool open = true;
  for (size_t at = 0; open && at < size; at += 4096) {  // What one call may write.
    function_list_u8_t part = {(uint8_t *)text + at, size - at < 4096 ? size - at : 4096};
    wasi_io_streams_stream_error_t error;
    open = wasi_io_streams_method_output_stream_blocking_write_and_flush(
        wasi_io_streams_borrow_output_stream(stream), &part, &error);
  }
  wasi_io_streams_output_stream_drop_own(stream);
  wasi_http_types_error_code_t error;
  wasi_http_types_static_outgoing_body_finish(body, NULL, &error);
}

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  wasi_http_types_borrow_incoming_request_t borrowed = wasi_http_types_borrow_incoming_request(request);
  bool event = is_event(borrowed);
  struct text body = read_body(borrowed);
  size_t room = body.size + 1024;
  char *answer = malloc(room);
  int size = event ? on_event(body, answer, room) : on_request(answer, room);
  send(out, answer, (size_t)size < room ? (size_t)size : room - 1);
  free(answer);
  free(body.at);
  wasi_http_types_incoming_request_drop_own(request);
}
