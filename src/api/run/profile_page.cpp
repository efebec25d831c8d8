#include "api/run/profile_page.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/html.h"
#include "base/svg_plot.h"

namespace tempera::api {
namespace {

using runtime::Interval;

constexpr size_t kTopKernels = 30;
constexpr double kTimelineWidth = 1200, kTimelineRow = 26, kTimelineLeft = 70;

constexpr std::string_view kStyle = R"(
.bar { height: .8rem; min-width: 1px; border-radius: 2px; }
td.wide { width: 14rem; }
.timeline { overflow-x: auto; } .timeline svg { max-width: none; }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin: 0 .3rem 0 1rem; }
)";

// Told apart by people with any colour vision: Okabe and Ito 2008.
struct KindColour {
  std::string_view kind;
  const char* colour;
};
constexpr KindColour kColours[] = {
    {"contraction", "#0072b2"}, {"attention", "#d55e00"}, {"norm", "#009e73"},
    {"elementwise", "#e69f00"}, {"movement", "#cc79a7"},  {"reduction", "#56b4e9"},
};

const char* colour_of(std::string_view kind) {
  for (const KindColour& row : kColours)
    if (row.kind == kind) return row.colour;
  return "#888888";
}

std::string bar(double share, std::string_view kind) {
  return fmt::format(
      "<td class=\"wide\"><div class=\"bar\" style=\"width:{:.2f}%;background:{}\"></div></td>",
      100 * share, colour_of(kind));
}

std::string rates(const ProfileRow& row) {
  return fmt::format(
      "<td class=\"n\">{:.3f}</td><td class=\"n\">{:.1f}</td><td class=\"n\">{}</td>"
      "<td class=\"n\">{:.1f}</td><td class=\"n\">{:.1f}</td><td class=\"n\">{:.1f}</td>"
      "<td class=\"n\">{:.0f}</td>",
      row.seconds * 1e3, row.share * 100, row.launches, row.gflops(), row.effective_gflops(),
      row.gbytes(), row.roofline() * 100);
}

constexpr std::string_view kRateHeads =
    "<th class=\"n\">ms</th><th class=\"n\">%</th><th class=\"n\">launches</th>"
    "<th class=\"n\">GFLOP/s</th><th class=\"n\">effective</th><th class=\"n\">GB/s</th>"
    "<th class=\"n\">% of roofline</th>";

std::string totals_table(const std::vector<ProfileRow>& rows, std::string_view head) {
  std::string html = fmt::format("<table>\n<tr><th>{}</th><th></th>{}</tr>\n", head, kRateHeads);
  for (const ProfileRow& row : rows)
    html += fmt::format(
        "<tr><td>{}</td>{}{}</tr>\n", escape_html(row.name),
        bar(row.share / std::max(rows.front().share, 1e-9), row.example->launch.kind), rates(row));
  return html + "</table>\n";
}

std::string kernels_table(const std::vector<ProfileRow>& rows) {
  std::string html =
      fmt::format("<table>\n<tr><th>workload</th><th></th>{}<th>schedule</th></tr>\n", kRateHeads);
  for (size_t i = 0; i < std::min(rows.size(), kTopKernels); ++i) {
    const runtime::PlanLaunch& launch = rows[i].example->launch;
    html +=
        fmt::format("<tr title=\"{}\"><td>{}</td>{}{}<td class=\"faint\">{}</td></tr>\n",
                    escape_html(rows[i].name + ": " + launch.origin), escape_html(launch.workload),
                    bar(rows[i].seconds / std::max(rows[0].seconds, 1e-12), launch.kind),
                    rates(rows[i]), escape_html(launch.schedule));
  }
  return html + "</table>\n";
}

// What peak and bandwidth allow, between two intensities in operations a byte.
PlotSeries roof(const std::string& name, double peak, double bytes, double low, double high) {
  PlotSeries series{.name = fmt::format("{} peak", name), .points = {}, .marks = false};
  const double ridge = peak / bytes;
  for (const double x : {low, std::clamp(ridge, low, high), high})
    series.points.push_back({.x = x, .y = std::min(peak, x * bytes)});
  return series;
}

std::string roofline(const Profile& profile, const std::vector<ProfileRow>& rows) {
  PlotSeries kernels{.name = "kernels", .points = {}, .line = false};
  double low = 1, high = 1000;
  std::vector<DType> arithmetic;
  for (const ProfileRow& row : rows) {
    if (row.executed_flops <= 0 || row.bytes <= 0 || row.seconds <= 0) continue;
    const double intensity = row.executed_flops / row.bytes;
    low = std::min(low, intensity);
    high = std::max(high, intensity);
    const DType dtype = row.example->launch.arithmetic;
    if (std::ranges::find(arithmetic, dtype) == arithmetic.end()) arithmetic.push_back(dtype);
    kernels.points.push_back(
        {.x = intensity,
         .y = row.gflops(),
         .title = fmt::format("{}: {:.1f} GFLOP/s, {:.2f} ms", row.example->launch.workload,
                              row.gflops(), row.seconds * 1e3)});
  }
  if (kernels.points.empty() || profile.peaks.bytes <= 0) return "";
  Plot plot{.title = "Roofline: contractions and attention",
            .x = {"executed operations a byte", true},
            .y = {"GFLOP/s executed", true},
            .series = {std::move(kernels)},
            .width = 800,
            .height = 420};
  for (const DType dtype : arithmetic)
    plot.series.push_back(roof(std::string(name(dtype)), profile.peaks.gflops(dtype),
                               profile.peaks.bytes, low, high));
  return svg_plot(plot);
}

std::string timeline_row(const std::string& name, double y) {
  return fmt::format("<text x=\"0\" y=\"{:.1f}\">{}</text>\n", y + kTimelineRow * 0.6, name);
}

// Of the last run of the stage: the launches, and below them what each thread did.
std::string timeline(const Profile& profile) {
  double begin = HUGE_VAL, end = 0;
  for (const ProfiledLaunch& launch : profile.launches) {
    if (launch.stage != profile.stage) continue;
    begin = std::min(begin, launch.last.begin);
    end = std::max(end, launch.last.end);
  }
  if (end <= begin) return "";
  const double scale = kTimelineWidth / (end - begin);
  std::string svg =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\">\n",
                  kTimelineLeft + kTimelineWidth, kTimelineRow * (profile.threads + 1));
  svg += timeline_row("launches", 0);
  for (int w = 0; w < profile.threads; ++w)
    svg += timeline_row(fmt::format("thread {}", w), kTimelineRow * (w + 1));
  const auto add = [&](const ProfiledLaunch& launch, const Interval& when, size_t row) {
    svg += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" fill=\"{}\">"
        "<title>{}: {:.3f} ms, {}</title></rect>\n",
        kTimelineLeft + (when.begin - begin) * scale, kTimelineRow * static_cast<double>(row),
        std::max(0.2, when.seconds() * scale), kTimelineRow - 6, colour_of(launch.launch.kind),
        escape_html(launch.launch.workload), when.seconds() * 1e3,
        escape_html(launch.launch.origin));
  };
  for (const ProfiledLaunch& launch : profile.launches) {
    if (launch.stage != profile.stage) continue;
    add(launch, launch.last, 0);
    for (size_t w = 0; w < launch.workers.size(); ++w)
      if (launch.workers[w].end > 0) add(launch, launch.workers[w], w + 1);
  }
  return "<div class=\"timeline\">" + svg + "</svg></div>\n";
}

std::string legend() {
  std::string html = "<p>";
  for (const KindColour& row : kColours)
    html +=
        fmt::format("<span class=\"key\" style=\"background:{}\"></span>{}", row.colour, row.kind);
  return html + "</p>\n";
}

std::string summary(const Profile& profile) {
  const ProfileRow total = total_of(profile, profile.stage);
  return fmt::format(
      "<p>batch {}, {} threads: a {} of {:.1f} ms in {} launches; {:.1f} GFLOP, {:.1f} of them "
      "executed; {:.2f} GB moved. Measured peaks: {:.0f} GFLOP/s in f32, {:.0f} in bf16, {:.1f} "
      "GB/s. Profiling takes {:.1f} % more.</p>\n",
      profile.request.batch, profile.threads, name(profile.stage),
      timing_of(profile.seconds).median * 1e3, total.launches, total.flops * 1e-9,
      total.executed_flops * 1e-9, total.bytes * 1e-9, profile.peaks.f32_fma, profile.peaks.bf16(),
      profile.peaks.bytes, profile.overhead() * 100);
}

std::string section(const Profile& profile, int depth) {
  const auto kernels = rows_by_kernel(profile, profile.stage);
  std::string html = fmt::format("<h2>{}</h2>\n", escape_html(profile.request.component));
  html += summary(profile);
  if (kernels.empty()) return html;
  html += legend() + timeline(profile);
  html += "<h3>By kind</h3>\n" + totals_table(rows_by_kind(profile, profile.stage), "kind");
  html += "<h3>Kernels</h3>\n" + kernels_table(kernels);
  html += roofline(profile, kernels);
  html += "<h3>By module</h3>\n";
  return html + totals_table(rows_by_module(profile, profile.stage, depth), "module");
}

}  // namespace

std::string profile_page(std::span<const Profile> profiles, int depth) {
  std::string body;
  for (const Profile& profile : profiles) body += section(profile, depth);
  const std::string model = profiles.empty() ? "" : profiles.front().model;
  return html_page(fmt::format("Profile of {}", model), body, kStyle);
}

}  // namespace tempera::api
