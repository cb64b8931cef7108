/* An ordinary script: tells the server, by a cookie, which time zone this browser is in. Asked again when that is a month old. */
{
  const name = document.currentScript?.dataset.cookie;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; secure" : "";
  if (name && zone) document.cookie = `${name}=${zone}; path=/; max-age=2592000; samesite=lax${secure}`;
}
