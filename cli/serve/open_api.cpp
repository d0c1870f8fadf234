#include "serve/open_api.hpp"

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view json_type = "application/json";

class open_api_writer {
 public:
  explicit open_api_writer(fmt::memory_buffer& out) : json_(out) {}

  void write(const std::vector<offered_view>& views) {
    json_.begin_object();
    text("openapi", "3.1.0");
    json_.key("info");
    json_.begin_object();
    text("title", "tasks serve");
    text("version", TASKS_VERSION);
    text("description",
         "What the coroutines of this host's processes do. Everything is asked by GET and changes nothing, but for "
         "recordings, which POST /api/v1/replays brings: their ID as ?replay= has a view made of them.");
    json_.end_object();
    json_.key("paths");
    json_.begin_object();
    write_list();
    write_replays();
    for (const auto& view : views) write_view(view);
    process("recording", "The snapshot that views are made of, as tasks record writes it", "application/octet-stream");
    process("events", "A LiveView a second, as server-sent events named live; one named ended is the last",
            "text/event-stream");
    simple("/api/v1/events", "Server-sent events named processes, each a ListView", "text/event-stream", "");
    simple("/api/v1/history", "Totals of the last hour, a point every ten seconds", json_type, "history");
    simple("/api/v1/openapi.json", "This document", json_type, "");
    simple("/metrics", "Metrics for Prometheus; OpenMetrics where Accept names it", "text/plain", "");
    json_.end_object();
    json_.key("components");
    json_.begin_object();
    json_.key("securitySchemes");
    json_.begin_object();
    json_.key("token");
    json_.begin_object();
    text("type", "http");
    text("scheme", "bearer");
    json_.end_object();
    json_.end_object();
    json_.end_object();
    json_.end_object();
  }

 private:
  void text(std::string_view key, std::string_view value) {
    json_.key(key);
    json_.string(value);
  }

  void begin_path(std::string_view path, std::string_view summary, std::string_view method = "get") {
    json_.on_a_line();
    json_.key(path);
    json_.begin_object();
    json_.key(method);
    json_.begin_object();
    text("summary", summary);
  }
  void end_path(std::string_view type, std::string_view schema, std::string_view status = "200") {
    json_.key("responses");
    json_.begin_object();
    json_.key(status);
    json_.begin_object();
    text("description", "OK");
    json_.key("content");
    json_.begin_object();
    json_.key(type);
    json_.begin_object();
    if (!schema.empty()) {
      json_.key("schema");
      json_.begin_object();
      text("$ref", fmt::format("/api/v1/schema/{}", schema));
      json_.end_object();
    }
    json_.end_object();
    json_.end_object();
    json_.end_object();
    json_.end_object();
    json_.end_object();
    json_.end_object();
  }

  void simple(std::string_view path, std::string_view summary, std::string_view type, std::string_view schema) {
    begin_path(path, summary);
    end_path(type, schema);
  }

  void begin_parameters() {
    json_.key("parameters");
    json_.begin_array();
    begin_parameter("pid", "path", "The process's id", true);
    text("type", "integer");
    end_parameter();
  }
  void begin_parameter(std::string_view name, std::string_view in, std::string_view description, bool required) {
    json_.begin_object();
    text("name", name);
    text("in", in);
    text("description", description);
    json_.key("required");
    json_.boolean(required);
    json_.key("schema");
    json_.begin_object();
  }
  void end_parameter() {
    json_.end_object();
    json_.end_object();
  }

  /// Of what can be made of a recording, too.
  void replay_parameters() {
    begin_parameter("replay", "query", "A recording that was brought, instead of what is there now", false);
    text("type", "string");
    end_parameter();
    begin_parameter("at", "query", "With replay: which snapshot, by its number or time; the last one without", false);
    text("type", "string");
    end_parameter();
  }

  void write_list() {
    begin_path("/api/v1/processes", "Processes whose tasks can be looked at");
    json_.key("parameters");
    json_.begin_array();
    replay_parameters();
    json_.end_array();
    end_path(json_type, "list");
  }

  void write_replays() {
    begin_path("/api/v1/replays", "Brings a recording; answers {\"replay\": ID}, for ?replay=ID", "post");
    json_.key("parameters");
    json_.begin_array();
    begin_parameter("Tasks-Replay", "header", "Anything: no page of another site can send it", true);
    text("type", "string");
    end_parameter();
    json_.end_array();
    json_.key("requestBody");
    json_.begin_object();
    json_.key("required");
    json_.boolean(true);
    json_.key("content");
    json_.begin_object();
    json_.key("application/octet-stream");
    json_.begin_object();
    json_.end_object();
    json_.end_object();
    json_.end_object();
    end_path(json_type, "", "201");
  }

  void process(std::string_view what, std::string_view summary, std::string_view type) {
    begin_path(fmt::format("/api/v1/processes/{{pid}}/{}", what), summary);
    begin_parameters();
    json_.end_array();
    end_path(type, "");
  }

  void write_view(const offered_view& view) {
    begin_path(fmt::format("/api/v1/processes/{{pid}}/{}", view.name), view.help);
    begin_parameters();
    if (!view.word.empty()) {
      begin_parameter(view.word, "query", "its number", true);
      text("type", "integer");
      end_parameter();
    }
    for (const auto& option : view.options) {
      begin_parameter(option.name, "query", option.help, false);
      text("type", option.value.empty() ? "boolean" : "string");
      end_parameter();
    }
    replay_parameters();
    json_.end_array();
    end_path(json_type, view.name);
  }

  json_writer json_;
};

}  // namespace

void write_open_api(fmt::memory_buffer& out, const std::vector<offered_view>& views) {
  open_api_writer(out).write(views);
}

}  // namespace tasks::cli
