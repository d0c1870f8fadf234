#include "surveys/channels.hpp"
#include "commands/command.hpp"
#include "views/channels.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,  no_prove_option, {"--all-frames", "", "Asio's own frames too", &arguments::all_frames},
    json_option, timeout_option,  direct_option,
    core_option, exe_option,
};

result<int> run(const arguments& args, output& out) {
  const auto source = open_target(args);
  if (!source) return source.why();
  resolver names(**source, {.all_frames = args.all_frames, .spawn_sites = args.json});
  const auto survey = survey_channels(**source, names, !args.no_prove);
  if (!survey) return survey.why();
  if (args.json) {
    v1::ChannelsView view;
    view.set_pid(static_cast<std::uint32_t>((*source)->pid()));
    fill_view(*survey, view);
    print_document(out, view);
    return 0;
  }
  render_channels(out.text(), *survey,
                  {.style = out.style(),
                   .resolution_ms = survey->trailer.tick_resolution_ms(),
                   .pid = (*source)->pid(),
                   .core = args.core.value_or("")});
  return 0;
}

}  // namespace

const command channels_command = {
    "channels", "channels that tasks wait on: how full they are, who waits, and who else points to them", "PID",
    options, run};

}  // namespace tasks::cli
