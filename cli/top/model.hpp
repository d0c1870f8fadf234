#pragma once

/// What a live view shows, and what keys do to it: no terminal, no target and no clock.
///
///   answers ──take()──┐                    ┌──draw()──> what the screen shows
///   keys ────press()──┴──> levels, totals ─┴──next_question()──> what is to be looked at
///
/// Levels are where one has gone: processes > groups of one > tasks of one group > why; a page over any of them.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "top/feed.hpp"
#include "top/live_table.hpp"
#include "top/rows.hpp"
#include "top/screen.hpp"
#include "top/seen_process.hpp"
#include "top/text_page.hpp"

namespace tasks::cli {

struct top_choices {
  std::optional<pid_t> pid;  ///< nothing: all processes
  bool is_recording = false;
  std::chrono::milliseconds interval{1000};
};

class top_model {
 public:
  explicit top_model(const top_choices& chosen);

  void press(const keystroke& key);
  void take(feed_answer answer);
  /// What somebody waits for now, before the time has come to look again. It counts as asked.
  [[nodiscard]] std::optional<feed_question> urgent_question();
  /// What is looked at again and again. Nothing: it stands still.
  [[nodiscard]] std::optional<feed_question> regular_question() const;
  /// Between two looks: as long as was chosen, and so long that looks take a twentieth of the time at most.
  [[nodiscard]] std::chrono::milliseconds interval() const;
  [[nodiscard]] drawing draw(const screen_size& size);
  [[nodiscard]] bool has_quit() const noexcept { return has_quit_; }
  /// Why there is nothing to be seen, where nothing ever was.
  [[nodiscard]] const std::optional<error>& why_nothing() const noexcept { return why_nothing_; }

 private:
  struct level {
    feed_question of;
    std::optional<live_table> table;  ///< else it is a page
    text_page page;
    std::string title;  ///< of a page
    bool is_asked = false, is_there = false;
    std::optional<glance_tasks> tasks;  ///< of about::tasks
    task_resumes resumes;               ///< likewise
  };

  [[nodiscard]] level& here() { return levels_.back(); }
  [[nodiscard]] const level& here() const { return levels_.back(); }
  /// The last level that has a table, which may be under a page.
  [[nodiscard]] const level& list() const;
  [[nodiscard]] bool is_in_process() const { return list().of.is != feed_question::about::processes; }
  void enter_processes();
  void enter_process(pid_t pid);
  void enter_group(const glance_group& group);
  void enter_page(feed_question::about what, std::uint64_t task);
  void enter_help();
  void drill();
  void go_back();
  bool press_while_typing(const keystroke& key);
  void press_letter(char letter);
  void step(int by);
  void toggle_recording();
  void toggle_times();
  void take_look(feed_answer answer);
  void take_page(feed_answer answer);
  void fill_tables();
  [[nodiscard]] drawn_line draw_title(std::size_t width) const;
  [[nodiscard]] std::vector<drawn_line> draw_totals(std::size_t width) const;
  [[nodiscard]] drawn_line draw_message() const;
  [[nodiscard]] drawn_line draw_keys() const;
  [[nodiscard]] std::string subject() const;
  [[nodiscard]] std::string pace() const;

  top_choices chosen_;
  std::vector<level> levels_;
  seen_process seen_;
  v1::ListView processes_;
  moment_of_recording processes_at_;
  process_growth growth_;
  std::string failure_, note_;    ///< foreign text
  std::string recording_, kept_;  ///< the file that is recorded into, the one that was
  std::optional<error> why_nothing_;
  double took_ms_ = 0;  ///< a look, as it is reckoned with
  std::optional<double> last_took_ms_;
  int steps_ = 0;        ///< of a recording, that are not asked for yet
  int asked_steps_ = 0;  ///< likewise, that are not answered yet
  bool has_seen_ = false, has_ended_ = false, is_paused_ = false, wants_record_ = false, asks_record_ = false;
  bool wants_times_ = false, asks_times_ = false;
  bool is_typing_ = false, has_quit_ = false;
};

}  // namespace tasks::cli
