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
constexpr std::array<Row, 13> kSchedules = {
    {{Schedule::discrete, "discrete", ""},
     {Schedule::karras, "karras", "Karras"},
     {Schedule::exponential, "exponential", "Exponential"},
     {Schedule::beta, "beta", "Beta"},
     {Schedule::sgm_uniform, "sgm_uniform", "SGM Uniform"},
     {Schedule::automatic, "automatic", "Automatic"},
     {Schedule::uniform, "uniform", "Uniform"},
     {Schedule::polyexponential, "polyexponential", "Polyexponential"},
     {Schedule::kl_optimal, "kl_optimal", "KL Optimal"},
     {Schedule::align_your_steps, "align_your_steps", "Align Your Steps"},
     {Schedule::simple, "simple", "Simple"},
     {Schedule::normal, "normal", "Normal"},
     {Schedule::ddim, "ddim", "DDIM"}}};

const Row& row(Schedule schedule) { return kSchedules[static_cast<size_t>(schedule)]; }

bool is_known(Schedule schedule, Compat compat) {
  if (compat == Compat::a1111) return schedule != Schedule::discrete;
  return schedule < Schedule::automatic;
}

}  // namespace

std::string_view name(Compat compat) { return compat == Compat::a1111 ? "a1111" : "diffusers"; }

Result<Compat> parse_compat(std::string_view name) {
  if (name == "diffusers") return Compat::diffusers;
  if (name == "a1111") return Compat::a1111;
  return error(ErrorCode::invalid_argument, "unknown program {}; give diffusers or a1111",
               quote(name));
}

std::string_view name(Schedule schedule) { return row(schedule).name; }

std::string_view title(Schedule schedule) { return row(schedule).title; }

std::vector<std::string> schedule_names(Compat compat) {
  std::vector<std::string> names;
  for (const Row& row : kSchedules)
    if (is_known(row.schedule, compat)) names.emplace_back(row.name);
  return names;
}

Result<Schedule> parse_schedule(std::string_view name, Compat compat) {
  const std::string plain = plain_name(name);
  for (const Row& row : kSchedules)
    if (plain == plain_name(row.name) && is_known(row.schedule, compat)) return row.schedule;
  const std::vector<std::string> names = schedule_names(compat);
  for (const Row& row : kSchedules)
    if (plain == plain_name(row.name))
      return error(ErrorCode::unsupported, "{} has no schedule {}; its schedules are {}",
                   compat == Compat::a1111 ? "AUTOMATIC1111" : "diffusers", row.name,
                   fmt::join(names, ", "));
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
