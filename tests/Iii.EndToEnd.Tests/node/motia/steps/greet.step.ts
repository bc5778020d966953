// A motia app of one step: a route that greets.
export const config = {
  name: 'Greet',
  triggers: [{ type: 'http', method: 'POST', path: '/greet/:name' }],
}

export const handler = async (request, { logger }) => {
  logger.info('greeting', { name: request.pathParams.name })
  return {
    status: 201,
    headers: { 'x-greeted': request.pathParams.name },
    body: { greeting: `${request.body.word}, ${request.pathParams.name}!` },
  }
}
