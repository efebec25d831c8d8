#pragma once

#include <string>
#include <vector>

namespace tempera::bench {

// Seconds of one engine for one part, with what to write beside its bar.
struct Bar {
  std::string engine;
  double median, min, max;
  bool is_ours;
};
struct BarGroup {
  std::string title;
  std::vector<Bar> bars;
};

// An SVG file: a group of horizontal bars for each part, each group on its own scale from 0 to its
// longest bar, with a line from the shortest to the longest run.
std::string bar_plot(const std::string& title, const std::vector<BarGroup>& groups);

}  // namespace tempera::bench
