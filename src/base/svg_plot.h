#pragma once

#include <string>
#include <vector>

namespace tempera {

struct PlotAxis {
  std::string label;
  bool logarithmic = false;
};
struct PlotPoint {
  double x = 0, y = 0;
  std::string label;  // beside the mark
  std::string title;  // shown when the pointer rests on it
};
struct PlotSeries {
  std::string name;  // in the legend, unless there is one series
  std::vector<PlotPoint> points;
  bool line = true, marks = true;
};
struct Plot {
  std::string title;
  PlotAxis x, y;
  std::vector<PlotSeries> series;
  double width = 560, height = 360;  // pixels
};

// An <svg> element to stand in a page of html_page(). Points that are not finite, or not positive
// on a logarithmic axis, are left out.
std::string svg_plot(const Plot& plot);

// Round numbers (1, 2 or 5 times a power of ten) from at most `low` to at least `high`, about
// `count` of them; on a logarithmic axis powers of ten.
std::vector<double> axis_ticks(double low, double high, bool logarithmic = false, int count = 6);

}  // namespace tempera
