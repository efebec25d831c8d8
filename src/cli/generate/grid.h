#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::cli {

// Several runs of one model: batches one after another, and a picture for each pair of two
// settings' values.
struct GridFlags {
  int64_t batch_count = 1;
  std::string x, y;  // "steps=10,20"
  void add(CLI::App& app);
  bool is_given() const { return !x.empty() || !y.empty(); }
};

// One setting of a grid, as a flag of generate without its dashes.
struct Axis {
  std::string setting;
  std::vector<std::string> values;
};
// "steps=10,20". `flag` names where it comes from. Empty text: an axis of one value that sets
// nothing.
Result<Axis> parse_axis(std::string_view text, std::string_view flag);

// "steps 10" for each value; none of an axis that sets nothing.
std::vector<std::string> labels_of(const Axis& axis);

// What each cell sets, as in {"--steps=10", "--sampler=euler"}; rows from the top.
std::vector<std::vector<std::string>> cells_of(const Axis& x, const Axis& y);

// invalid_argument for settings that a grid cannot have: those that change the model or where
// pictures go.
Status check_axis(const Axis& axis, std::string_view flag);

// Of the sheet of all pictures, after the first one's name: "cat-5.png" -> "cat-5-grid.png".
std::string sheet_name(const std::string& first_picture);

}  // namespace tempera::cli
