#include "cli/generate/grid.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"

namespace tempera::cli {

void GridFlags::add(CLI::App& app) {
  app.add_option("--batch-count", batch_count, "Batches one after another; seeds count on")
      ->type_name("N")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--grid-x", x,
                 "A picture for each value of a setting, and a sheet of them all, as in "
                 "steps=10,20")
      ->type_name("SETTING=V[,V...]");
  app.add_option("--grid-y", y, "A row for each value of another one, as in sampler=euler,dpm++2m")
      ->type_name("SETTING=V[,V...]");
}

Result<Axis> parse_axis(std::string_view text, std::string_view flag) {
  if (text.empty()) return Axis{{}, {""}};
  const size_t split = text.find('=');
  Axis axis;
  if (split != std::string_view::npos) {
    axis.setting = text.substr(0, split);
    for (const std::string_view value : split_at_commas(text.substr(split + 1)))
      axis.values.emplace_back(value);
  }
  while (axis.setting.starts_with('-')) axis.setting.erase(0, 1);
  if (!axis.setting.empty() && std::ranges::find(axis.values, "") == axis.values.end()) return axis;
  return error(ErrorCode::invalid_argument,
               "{} {} is not a setting and its values, as in steps=10,20", flag, quote(text));
}

std::vector<std::string> labels_of(const Axis& axis) {
  std::vector<std::string> labels;
  if (axis.setting.empty()) return labels;
  for (const std::string& value : axis.values) labels.push_back(axis.setting + " " + value);
  return labels;
}

std::vector<std::vector<std::string>> cells_of(const Axis& x, const Axis& y) {
  std::vector<std::vector<std::string>> cells;
  for (const std::string& down : y.values)
    for (const std::string& across : x.values) {
      cells.emplace_back();
      if (!y.setting.empty()) cells.back().push_back("--" + y.setting + "=" + down);
      if (!x.setting.empty()) cells.back().push_back("--" + x.setting + "=" + across);
    }
  return cells;
}

Status check_axis(const Axis& axis, std::string_view flag) {
  constexpr std::string_view kOfTheModel[] = {"model",   "m",       "cpu",        "precision",
                                              "weights", "threads", "batch-size", "time-passes"};
  if (std::ranges::find(kOfTheModel, axis.setting) == std::end(kOfTheModel)) return {};
  return error(ErrorCode::invalid_argument,
               "{} cannot go over {}: it takes settings of the picture, such as steps, sampler or "
               "seed",
               flag, quote(axis.setting));
}

std::string sheet_name(const std::string& first_picture) {
  std::filesystem::path path = first_picture;
  const std::string extension = path.has_extension() ? path.extension().string() : ".png";
  const std::string stem = path.stem().string();
  return path.replace_filename(stem + "-grid" + extension).string();
}

}  // namespace tempera::cli
