#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "api/compile/quality.h"
#include "base/html.h"
#include "base/svg_plot.h"
#include "diffusion/image/png.h"
#include "runtime/base64.h"

namespace tempera::api {
namespace {

constexpr std::string_view kStyle = R"(
.pictures th { position: sticky; top: 0; background: var(--paper); }
.pictures td { vertical-align: top; font-size: .8rem; }
.pictures img { display: block; width: 160px; height: auto; }
.scroll { overflow-x: auto; }
)";

std::string decibels(double psnr) {
  return std::isfinite(psnr) ? fmt::format("{:.1f} dB", psnr) : "equal";
}

std::string summary_line(const QualityRow& row, const QualityRow& reference) {
  const QualitySummary summary = summary_of(row);
  return fmt::format(
      "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:.4f}</td>"
      "<td class=\"n\">{:.4f}</td><td class=\"n\">{:.2f}</td><td class=\"n\">{:.2f}</td>"
      "<td class=\"n\">{:.2f}</td></tr>\n",
      escape_html(row.setting), decibels(summary.mean_psnr), decibels(summary.least_psnr),
      summary.mean_ssim, summary.least_ssim, row.denoise_seconds,
      reference.denoise_seconds / row.denoise_seconds, row.decode_seconds);
}

std::string summary_table(const Quality& quality) {
  std::string html =
      "<table>\n<tr><th>setting</th><th class=\"n\">PSNR, mean</th><th class=\"n\">least</th>"
      "<th class=\"n\">SSIM, mean</th><th class=\"n\">least</th><th class=\"n\">sampling, s</th>"
      "<th class=\"n\">times faster</th><th class=\"n\">decoding, s</th></tr>\n";
  for (const QualityRow& row : quality.rows) html += summary_line(row, quality.rows[0]);
  return html + "</table>\n";
}

// One of the two measures.
struct Measure {
  const char* name;
  double QualitySummary::* mean;
};
constexpr Measure kMeasures[] = {{"PSNR, dB", &QualitySummary::mean_psnr},
                                 {"SSIM", &QualitySummary::mean_ssim}};

// Every setting but the reference, at its time.
std::string plot_over_time(const Quality& quality, const Measure& measure) {
  PlotSeries series{.line = false};
  for (const QualityRow& row : std::span(quality.rows).subspan(1))
    series.points.push_back(
        {row.denoise_seconds, summary_of(row).*measure.mean, row.setting, row.setting});
  return svg_plot({.title = fmt::format("{} over time", measure.name),
                   .x = {.label = "sampling a picture, s"},
                   .y = {.label = measure.name},
                   .series = {std::move(series)}});
}

// A setting with one of its numbers taken out: "deep-cache" of "precision=bf16 deep-cache=3", with
// the rest "precision=bf16".
struct Number {
  std::string flag, rest;
  double value;
};

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::vector<Number> numbers_of(std::string_view setting) {
  const std::vector<std::string_view> words = words_of(setting);
  std::vector<Number> numbers;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string_view::npos) continue;
    const auto value = number_of(words[i].substr(equals + 1));
    if (!value) continue;
    Number number{.flag = std::string(words[i].substr(0, equals)), .rest = {}, .value = *value};
    for (size_t j = 0; j < words.size(); ++j)
      if (j != i) number.rest += (number.rest.empty() ? "" : " ") + std::string(words[j]);
    numbers.push_back(std::move(number));
  }
  return numbers;
}

// A line for each group of settings that differ only in the number of one flag.
std::map<std::string, std::vector<PlotSeries>> series_by_flag(const Quality& quality,
                                                              const Measure& measure) {
  std::map<std::string, std::map<std::string, PlotSeries>> found;
  for (const QualityRow& row : std::span(quality.rows).subspan(1)) {
    for (const Number& number : numbers_of(row.setting)) {
      PlotSeries& series = found[number.flag][number.rest];
      series.name = number.rest.empty() ? number.flag : number.rest;
      series.points.push_back({number.value, summary_of(row).*measure.mean, "", row.setting});
    }
  }
  std::map<std::string, std::vector<PlotSeries>> result;
  for (auto& [flag, by_rest] : found) {
    for (auto& [rest, series] : by_rest) {
      if (series.points.size() < 2) continue;
      std::ranges::sort(series.points, {}, &PlotPoint::x);
      result[flag].push_back(std::move(series));
    }
  }
  return result;
}

std::string plots(const Quality& quality) {
  if (quality.rows.size() < 2) return {};
  std::string html = "<h2>What a setting costs and gives</h2>\n";
  for (const Measure& measure : kMeasures) html += plot_over_time(quality, measure);
  for (const Measure& measure : kMeasures)
    for (auto& [flag, series] : series_by_flag(quality, measure))
      html += svg_plot({.title = fmt::format("{} over {}", measure.name, flag),
                        .x = {.label = flag},
                        .y = {.label = measure.name},
                        .series = series});
  return html;
}

Result<std::string> picture_cell(const QualityPicture& picture, const std::string& alt,
                                 bool is_reference) {
  ASSIGN_OR_RETURN(const std::string png, diffusion::encode_png(picture.image));
  const std::string base64 = runtime::base64_encode(std::as_bytes(std::span<const char>(png)));
  const std::string caption =
      is_reference ? "reference"
                   : fmt::format("{}, SSIM {:.4f}", decibels(picture.psnr), picture.ssim);
  return fmt::format(
      "<td><img alt=\"{}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">{}</td>\n",
      escape_html(alt), picture.image.width, picture.image.height, base64, caption);
}

Result<std::string> pictures_table(const Quality& quality) {
  std::string html = "<h2>Pictures</h2>\n<div class=\"scroll\"><table class=\"pictures\">\n<tr>";
  for (const QualityRow& row : quality.rows) html += "<th>" + escape_html(row.setting) + "</th>";
  html += "</tr>\n";
  for (size_t i = 0; i < quality.samples.size(); ++i) {
    const Sample& sample = quality.samples[i];
    html += fmt::format("<tr><td colspan=\"{}\">{}, seed {}</td></tr>\n<tr>\n", quality.rows.size(),
                        escape_html(sample.prompt), sample.seed);
    for (const QualityRow& row : quality.rows) {
      const std::string alt = sample.prompt + ", " + row.setting;
      ASSIGN_OR_RETURN(const std::string cell,
                       picture_cell(row.pictures[i], alt, &row == &quality.rows[0]));
      html += cell;
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

}  // namespace

Result<std::string> quality_page(const Quality& quality) {
  ASSIGN_OR_RETURN(const std::string pictures, pictures_table(quality));
  const std::string about = fmt::format(
      "<p>{} pictures a setting, compared with those of {}. PSNR: the higher the nearer, over 30 "
      "dB is hard to see; SSIM: 1 is equal. Times are medians of this machine: sampling is all "
      "steps of a picture, without compiling and loading.</p>\n",
      quality.samples.size(), escape_html(quality.rows[0].setting));
  return html_page(quality.model + ": quality of settings",
                   about + summary_table(quality) + plots(quality) + pictures, kStyle);
}

}  // namespace tempera::api
