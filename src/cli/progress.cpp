#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/stop.h"

namespace tempera::cli {
namespace {

using api::GenerateStage;

constexpr std::chrono::seconds kLineEvery{3};
constexpr std::chrono::milliseconds kTerminalEvery{50};

}  // namespace

std::string progress_text(const api::GenerateProgress& progress, double stage_seconds) {
  std::string text(api::name(progress.stage));
  if (!progress.detail.empty()) return text + " " + progress.detail;
  text += fmt::format(" {}/{}", progress.done, progress.total);
  if (progress.stage != GenerateStage::denoise || progress.done == 0) return text;
  const double each = stage_seconds / static_cast<double>(progress.done);
  const double left = each * static_cast<double>(progress.total - progress.done);
  return text + fmt::format(", {:.3f} s/step, {:.0f} s left", each, left);
}

Progress::Progress(bool quiet)
    : quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      last_shown_(Clock::now()),
      stage_began_(last_shown_) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

void Progress::show(const std::string& text) {
  const auto now = Clock::now();
  if (quiet_ || now - last_shown_ < (terminal_ ? Clock::duration(kTerminalEvery) : kLineEvery))
    return;
  last_shown_ = now;
  if (terminal_)
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
  else
    std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
  line_open_ = terminal_;
}

bool Progress::compiled(const api::CompileProgress& progress) {
  if (progress.total == 0)
    show(fmt::format("pack {}", progress.component));
  else
    show(
        fmt::format("compile {}: kernel {}/{}", progress.component, progress.done, progress.total));
  return !stop_requested();
}

bool Progress::generated(const api::GenerateProgress& progress) {
  if (progress.done == 0) stage_began_ = Clock::now();
  const std::chrono::duration<double> spent = Clock::now() - stage_began_;
  show(progress_text(progress, spent.count()));
  return !stop_requested();
}

bool Progress::counted(const std::string& part, int64_t done, int64_t total) {
  show(fmt::format("{} {}/{}", part, done, total));
  return !stop_requested();
}

}  // namespace tempera::cli
