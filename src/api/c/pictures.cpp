#include "api/c/boundary.h"
#include "api/run/files.h"
#include "api/run/generate.h"

struct tempera_pictures {
  std::vector<tempera::api::GeneratedPicture> list;
};

namespace tempera::api {
namespace {

std::optional<std::string> given_text(const char* text) {
  if (text == nullptr) return std::nullopt;
  return text;
}

std::optional<int64_t> given_number(int64_t number) {
  if (number == 0) return std::nullopt;
  return number;
}

GenerateSettings settings_of(const tempera_generate_options& given) {
  GenerateSettings settings;
  settings.prompt = text_or_empty(given.prompt);
  settings.negative_prompt = given_text(given.negative_prompt);
  settings.width = given_number(given.width);
  settings.height = given_number(given.height);
  settings.steps = given_number(given.steps);
  if (given.guidance_scale != 0) settings.guidance_scale = given.guidance_scale;
  settings.sampler = given_text(given.sampler);
  settings.schedule = given_text(given.schedule);
  if (given.seeds != nullptr) settings.seeds.assign(given.seeds, given.seeds + given.seed_count);
  settings.batch_size = given_number(given.batch_size);
  return settings;
}

GenerateProgressFunction progress_of(const tempera_generate_options& given) {
  if (given.progress == nullptr) return {};
  return [call = given.progress, user = given.user](const GenerateProgress& progress) {
    const std::string stage(name(progress.stage));
    const tempera_progress event{sizeof(tempera_progress), stage.c_str(), progress.done,
                                 progress.total};
    return call(&event, user) != 0;
  };
}

Status make_pictures(tempera_model* model, const tempera_generate_options* given,
                     tempera_pictures** pictures) {
  TRY(check_given(model, "model"));
  TRY(check_given(given, "options"));
  TRY(check_given(pictures, "pictures"));
  *pictures = nullptr;
  ASSIGN_OR_RETURN(const tempera_generate_options fields,
                   read_struct(given, "tempera_generate_options"));
  ASSIGN_OR_RETURN(const diffusion::PictureRequest request,
                   resolve(settings_of(fields), model->session->info()));
  ASSIGN_OR_RETURN(Generated generated,
                   api::generate(*model->session, request, progress_of(fields)));
  *pictures = new tempera_pictures{std::move(generated.pictures)};
  return {};
}

Result<const GeneratedPicture*> find(const tempera_pictures* pictures, size_t index) {
  TRY(check_given(pictures, "pictures"));
  if (index >= pictures->list.size())
    return error(ErrorCode::invalid_argument, "picture {} of {}", index, pictures->list.size());
  return &pictures->list[index];
}

Status get_picture(const tempera_pictures* pictures, size_t index, tempera_picture* to) {
  ASSIGN_OR_RETURN(const GeneratedPicture* found, find(pictures, index));
  const tempera_picture picture{.width = found->image.width,
                                .height = found->image.height,
                                .rgb = found->image.pixels.data(),
                                .seed = found->seed,
                                .parameters = found->parameters.c_str()};
  return write_struct(picture, to, "tempera_picture");
}

Status write(const tempera_pictures* pictures, size_t index, const char* path) {
  TRY(check_given(path, "path"));
  ASSIGN_OR_RETURN(const GeneratedPicture* found, find(pictures, index));
  return write_picture(path, *found);
}

}  // namespace
}  // namespace tempera::api

using tempera::api::guarded;

tempera_status tempera_generate(tempera_model* model, const tempera_generate_options* options,
                                tempera_pictures** pictures) {
  return guarded([&] { return tempera::api::make_pictures(model, options, pictures); });
}

size_t tempera_picture_count(const tempera_pictures* pictures) {
  return pictures == nullptr ? 0 : pictures->list.size();
}

tempera_status tempera_get_picture(const tempera_pictures* pictures, size_t index,
                                   tempera_picture* picture) {
  return guarded([&] { return tempera::api::get_picture(pictures, index, picture); });
}

tempera_status tempera_write_picture(const tempera_pictures* pictures, size_t index,
                                     const char* path) {
  return guarded([&] { return tempera::api::write(pictures, index, path); });
}

void tempera_free_pictures(tempera_pictures* pictures) { delete pictures; }
