#include "diffusion/samplers/schedule.h"

#include <fmt/ranges.h>

#include <array>
#include <cctype>

#include "base/suggest.h"
#include "base/text.h"

namespace tempera::diffusion {
namespace {

struct Row {
  Schedule schedule;
  std::string_view name, title;
};
// By the enumeration.
constexpr std::array<Row, 5> kSchedules = {{{Schedule::discrete, "discrete", ""},
                                            {Schedule::karras, "karras", "Karras"},
                                            {Schedule::exponential, "exponential", "Exponential"},
                                            {Schedule::beta, "beta", "Beta"},
                                            {Schedule::sgm_uniform, "sgm_uniform", "SGM Uniform"}}};

const Row& row(Schedule schedule) { return kSchedules[static_cast<size_t>(schedule)]; }

}  // namespace

std::string_view name(Schedule schedule) { return row(schedule).name; }

std::string_view title(Schedule schedule) { return row(schedule).title; }

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Row& row : kSchedules) names.emplace_back(row.name);
  return names;
}

Result<Schedule> parse_schedule(std::string_view name) {
  const std::string plain = plain_name(name);
  for (const Row& row : kSchedules)
    if (plain == plain_name(row.name)) return row.schedule;
  const std::vector<std::string> names = schedule_names();
  return error(ErrorCode::invalid_argument, "unknown schedule {}; the schedules are {}{}",
               quote(name), fmt::join(names, ", "), suggestion(name, names));
}

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const unsigned char c : name)
    if (std::isalnum(c) != 0 || c == '+') plain += static_cast<char>(std::tolower(c));
  return plain;
}

}  // namespace tempera::diffusion
