#include "api/compile/quality.h"

#include <algorithm>

#include "api/run/run_component.h"
#include "base/text.h"
#include "diffusion/image/compare_images.h"

namespace tempera::api {
namespace {

Result<std::vector<DrawnSample>> draw(Session& session, const Quality& quality,
                                      const Samples& samples, const QualitySetting& setting,
                                      const QualityProgressFunction& progress) {
  std::vector<DrawnSample> drawn;
  for (const Sample& sample : quality.samples) {
    const auto watch = [&](const GenerateProgress&) {
      return !progress || progress(setting.text, std::ssize(drawn), std::ssize(quality.samples));
    };
    ASSIGN_OR_RETURN(DrawnSample picture,
                     draw_sample(session, settings_of(samples, sample, setting.picture), watch));
    drawn.push_back(std::move(picture));
  }
  return drawn;
}

Status check_size(const QualitySetting& setting, const diffusion::Image& image,
                  const diffusion::Image& reference) {
  if (image.width == reference.width && image.height == reference.height) return {};
  return error(ErrorCode::invalid_argument,
               "the setting {} draws {}x{}, but the reference {}x{}; compare settings of one size",
               quote(setting.text), image.width, image.height, reference.width, reference.height);
}

Result<QualityRow> make_row(const Quality& quality, const QualitySetting& setting,
                            std::vector<DrawnSample> drawn) {
  QualityRow row{.setting = setting.text};
  std::vector<double> denoise, decode;
  for (size_t i = 0; i < drawn.size(); ++i) {
    diffusion::Image& image = drawn[i].image;
    const bool is_reference = quality.rows.empty();
    const diffusion::Image& reference = is_reference ? image : quality.rows[0].pictures[i].image;
    TRY(check_size(setting, image, reference));
    const double psnr = diffusion::psnr(image, reference), ssim = diffusion::ssim(image, reference);
    row.pictures.push_back({std::move(image), psnr, ssim});
    denoise.push_back(drawn[i].denoise_seconds);
    decode.push_back(drawn[i].decode_seconds);
  }
  row.denoise_seconds = median(std::move(denoise));
  row.decode_seconds = median(std::move(decode));
  return row;
}

Json row_json(const QualityRow& row) {
  const QualitySummary summary = summary_of(row);
  Json pictures = Json::array();
  for (const QualityPicture& picture : row.pictures)
    pictures.push_back({{"psnr", number_or_null(picture.psnr)}, {"ssim", picture.ssim}});
  return {{"setting", row.setting},
          {"mean_psnr", number_or_null(summary.mean_psnr)},
          {"least_psnr", number_or_null(summary.least_psnr)},
          {"mean_ssim", summary.mean_ssim},
          {"least_ssim", summary.least_ssim},
          {"seconds", {{"denoise", row.denoise_seconds}, {"decode", row.decode_seconds}}},
          {"pictures", std::move(pictures)}};
}

}  // namespace

Result<Quality> measure_quality(const std::string& model,
                                const std::vector<QualitySetting>& settings, int64_t pictures,
                                const QualityProgressFunction& progress) {
  ASSIGN_OR_RETURN(const Samples samples, read_samples(model));
  Quality quality{.samples = samples.pictures};
  if (pictures >= 0 && pictures < std::ssize(quality.samples))
    quality.samples.resize(static_cast<size_t>(std::max<int64_t>(pictures, 1)));
  for (const QualitySetting& setting : settings) {
    ASSIGN_OR_RETURN(ModelSource source, open_model(model, setting.compile));
    quality.model = source.info.name;
    ASSIGN_OR_RETURN(const auto session,
                     Session::open(std::move(source), "cpu", setting.compile.threads));
    ASSIGN_OR_RETURN(auto drawn, draw(*session, quality, samples, setting, progress));
    ASSIGN_OR_RETURN(QualityRow row, make_row(quality, setting, std::move(drawn)));
    quality.rows.push_back(std::move(row));
  }
  return quality;
}

QualitySummary summary_of(const QualityRow& row) {
  QualitySummary summary{.least_psnr = INFINITY, .least_ssim = INFINITY};
  const auto count = static_cast<double>(row.pictures.size());
  for (const QualityPicture& picture : row.pictures) {
    summary.mean_psnr += picture.psnr / count;
    summary.mean_ssim += picture.ssim / count;
    summary.least_psnr = std::min(summary.least_psnr, picture.psnr);
    summary.least_ssim = std::min(summary.least_ssim, picture.ssim);
  }
  return summary;
}

Json to_json(const Quality& quality) {
  Json samples = Json::array(), rows = Json::array();
  for (const Sample& sample : quality.samples)
    samples.push_back({{"prompt", sample.prompt}, {"seed", sample.seed}});
  for (const QualityRow& row : quality.rows) rows.push_back(row_json(row));
  return {{"model", quality.model}, {"samples", std::move(samples)}, {"settings", std::move(rows)}};
}

}  // namespace tempera::api
